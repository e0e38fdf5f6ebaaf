"""`make faults`: what the agent promises, tried again and again under faults.

Kills at random moments, brokers, models, disks, clocks, memory files and networks that fail, and
thousands of bad inputs at every door. `plan` lists what is tried and what is promised; a family of
faults is one module here. pytest collects the test of this machinery only (`test_machinery`).
"""
