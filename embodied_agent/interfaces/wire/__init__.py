"""The JSON models that HTTP, MQTT and MCP share, and making them from records."""
