"""Questions with known answers, from files of public benchmarks or from a bag's odometry.

`urbanvideo`, `vsi`, `egoschema` and `mvbench` each read one published format; `odometry` generates
questions from poses alone.

Out of scope: questions about simulated clips (`sim_clips.questions`).
"""
