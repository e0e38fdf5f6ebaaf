"""Questions with known answers: readers of public benchmarks' files, and a bag's own odometry.

`urbanvideo`, `vsi`, `egoschema` and `mvbench` each read one published format; `odometry` makes
questions from poses alone. Questions about simulated clips come from `sim_clips.questions`.
"""
