"""The JSON models that HTTP, MQTT and MCP share, and conversions between them and records."""
