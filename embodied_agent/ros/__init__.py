"""The ROS 2 node. Nothing outside this folder imports ROS; nothing in here decides anything."""
