"""`winnow up`: everything on one machine under one process.

plan.py     what the operator chose, checked before anything starts
redis.py    the Redis-protocol server of this run
parts.py    the command line of each process
child.py    one process: its group, its log, its end
probes.py   is it healthy?
board.py   what the operator sees
start.py    from nothing to healthy, side by side where possible
watch.py    restarts, log lines, the end
guard.py    ends what is left should the supervisor itself be killed
"""
