"""Which of a server's models is asked: the one in the settings, else the first that it lists.

Out of scope: how it is asked (`client`).
"""

from __future__ import annotations

import openai

from embodied_agent.chat.errors import THEIR_ERRORS
from embodied_agent.chat.failures import our_error
from embodied_agent.errors import ModelError

#: How long listing the models may take besides a request, in seconds.
LIST_S = 5.0


class ServedModels:
    """The models of one server. Every method may be called from any thread.

    Args:
        client: the connection to the server.
        model: the model's name in the settings; empty: the first that the server lists.
        where: the server's address as it may be shown.
    """

    def __init__(self, client: openai.OpenAI, model: str, where: str) -> None:
        self._client = client
        self._model = model
        self._where = where
        self._first_model = ""

    @property
    def name(self) -> str:
        """The model's name; the server's address until the name is known."""
        return self._model or self._first_model or self._where

    def chosen(self, timeout_s: float) -> str:
        """The model's name, which the server is asked for within ``timeout_s`` seconds if the
        settings have none.

        Raises:
            ModelUnavailable: the server can't be reached.
            ModelError: the server lists no models.
        """
        if not self._model and not self._first_model:
            try:
                names = self.names(timeout_s)
            except ModelError as error:
                # `transformers serve`, for example, fails to list models that it has not cached.
                advice = "if it never lists its models, set server.model"
                raise type(error)(f"{error}; {advice}") from error
            if not names:
                raise ModelError(f"{self._where} lists no models; set server.model")
            self._first_model = names[0]
        return self._model or self._first_model

    def names(self, timeout_s: float) -> list[str]:
        """The names of the server's models.

        Raises:
            ModelUnavailable: the server can't be reached within ``timeout_s`` seconds.
            ModelError: the server does not list its models.
        """
        try:
            page = self._client.models.list(timeout=timeout_s)
            return [model.id for model in page.data if isinstance(model.id, str)]
        except THEIR_ERRORS as error:
            raise our_error(error, self._where, timeout_s, self.name) from error
        except (AttributeError, TypeError) as error:  # JSON or HTML of another shape
            raise ModelError(
                f"{self._where} does not list models; check server.base_url, which "
                "usually ends in /v1"
            ) from error

    def hint(self) -> str:
        """What to set if the server refuses a request, as the end of a message; empty if it has the
        model."""
        try:
            names = self.names(LIST_S)
        except ModelError:
            names = []
        if not names:
            return "; it does not list its models. Check server.base_url and server.model"
        if self.name in names:
            return ""
        return f"; it has {', '.join(names[:10])}. Set server.model to one of them"
