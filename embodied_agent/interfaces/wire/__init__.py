"""The JSON models that HTTP, MQTT and MCP share, and their making from records."""
