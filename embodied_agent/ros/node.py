"""The lifecycle node ``embodied_agent``: images in, decisions, deltas and answers out.

Everything it needs is created on configure, works while active, and is destroyed on cleanup and
shutdown. It translates and enqueues; the agent's own threads do the work, and one executor thread
serves all callbacks.

Out of scope: what is made on configure (`session`), the process (`main`).
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

from embodied_agent.errors import AgentError
from embodied_agent.ros.parameters import Parameters
from embodied_agent.ros.session import Session
from embodied_agent.settings import Settings

#: How often the node tries to start by itself, in seconds.
_AUTOSTART_S = 2.0


class AgentNode(LifecycleNode):  # type: ignore[misc]  # ROS has no types where it is absent
    """The node. Its parameters are all settings (`parameters`).

    Raises:
        SettingsError: a parameter, the environment or the settings file can't be used.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__("embodied_agent", **arguments)
        self._agent_session: Session | None = None
        self._agent_logs = _RosLog(self.get_logger())
        logging.getLogger("embodied_agent").addHandler(self._agent_logs)
        try:
            self._agent_parameters = Parameters(
                self, self._changed, lambda: self._agent_session is not None
            )
        except BaseException:
            self.release()
            raise
        self._agent_autostart = None
        if self._agent_parameters.settings.ros.autostart:
            # Steady: simulated time may not run yet.
            self._agent_autostart = self.create_timer(
                0.0, self._start, clock=Clock(clock_type=ClockType.STEADY_TIME)
            )
        else:
            name = self.get_fully_qualified_name()
            self.get_logger().info(
                f"unconfigured: ros2 lifecycle set {name} configure, then activate; with "
                "ros.autostart:=true both happen by themselves"
            )

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        """Open the memory and make all topics, services and the action."""
        try:
            self._agent_session = Session(self, lambda: self._agent_parameters.settings)
        except AgentError as error:
            self.get_logger().error(f"can't configure: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # The outermost level of a transition: ROS would drop this without a word.
            self.get_logger().error(f"can't configure: {traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        self._stop_autostart()
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        """Take in images and questions from now on."""
        done: TransitionCallbackReturn = super().on_activate(state)
        if self._agent_session is not None and done == TransitionCallbackReturn.SUCCESS:
            self._agent_session.activate()
            topics = " and ".join(camera.topic for camera in self._agent_session.cameras)
            self.get_logger().info(f"images from {topics}; ask me at ~/ask")
        return done

    def on_deactivate(self, state: Any) -> TransitionCallbackReturn:
        """Keep the last image, and take in no more."""
        if self._agent_session is not None:
            self._agent_session.deactivate()
        done: TransitionCallbackReturn = super().on_deactivate(state)
        return done

    def on_cleanup(self, state: Any) -> TransitionCallbackReturn:
        """Close the memory and remove all that configuring made."""
        self._end_session()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: Any) -> TransitionCallbackReturn:
        """As on cleanup, for good."""
        self._stop_autostart()
        self._end_session()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: Any) -> TransitionCallbackReturn:
        """A transition failed on a fault: back to unconfigured, where one may try again."""
        self.get_logger().error("a transition failed; the node is unconfigured again")
        self._end_session()
        return TransitionCallbackReturn.SUCCESS

    def release(self) -> None:
        """Let go of everything that outlives ROS: memory, models, threads. Safe to call twice."""
        self._end_session()
        logging.getLogger("embodied_agent").removeHandler(self._agent_logs)

    def _end_session(self) -> None:
        session, self._agent_session = self._agent_session, None
        if session is not None:
            session.close()

    def _changed(self, settings: Settings) -> None:
        if self._agent_session is not None:
            self._agent_session.retune(settings)

    def _start(self) -> None:
        """Configure and activate, or try again a little later."""
        self._stop_autostart()
        if self._agent_session is None:
            self.trigger_configure()
        if self._agent_session is not None:
            self.trigger_activate()
            return
        self._agent_autostart = self.create_timer(
            _AUTOSTART_S, self._start, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def _stop_autostart(self) -> None:
        timer, self._agent_autostart = self._agent_autostart, None
        if timer is not None:
            self.destroy_timer(timer)


class _RosLog(logging.Handler):
    """Passes the package's log on to the node's."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        # ROS wants one level per place in the code that logs.
        self._write = {
            logging.DEBUG: lambda text: logger.debug(text),
            logging.INFO: lambda text: logger.info(text),
            logging.WARNING: lambda text: logger.warning(text),
            logging.ERROR: lambda text: logger.error(text),
        }

    def emit(self, record: logging.LogRecord) -> None:
        level = max((known for known in self._write if known <= record.levelno), default=10)
        self._write[level](self.format(record))
