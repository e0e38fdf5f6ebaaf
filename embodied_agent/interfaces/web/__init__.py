"""HTTP API, live events, metrics, MCP and the page, on one port."""
