"""The client of OpenAI-compatible servers, shared by perception and reasoning."""
