"""Several machines on one: `make test-cluster`, which is `python -m tests.cluster`, for root on Linux.

Each machine is a network namespace on one bridge, with a name and a writable place of its own; all else on its disk is
read-only. PostgreSQL and the broker, nginx with deploy/nginx/gradebench.conf, two webs, two workers and two beats run
what docker-compose.yml runs. The client is the process that you started. All of it is in namespaces that belong to that
process, with a file system in memory, so that nothing is left of it however it ends.
"""
