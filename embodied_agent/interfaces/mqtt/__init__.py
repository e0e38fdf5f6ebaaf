"""MQTT 5: questions and answers, deltas and status over a broker."""
