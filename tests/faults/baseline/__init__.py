"""What people build without this product: plain Celery tasks on Redis. The same faults, for comparison.

`cut` cuts a recording into pieces of ten seconds, a chord transcribes them and hands their words to `assemble`, whose
result is the transcript. The recognizer is the tone reader that the product's own rounds use; a chunk takes it half a
second, there between 0.3 and 0.6.

At its default, untouched: the prefork pool, acknowledgement before a task runs, a prefetch of four a process, Redis as
broker and as result backend, a visibility timeout of an hour, no time limits, no retries, no socket timeouts. Two
workers of two processes each, whatever the machine has.

In its favour: a worker that ended is started again at once, as the product's are; its recordings are submitted past
the proxy, so that a send never hangs; every round starts with an empty Redis and new workers, so that none pays for
another's damage; a job whose failure is recorded anywhere counts as failed, not as lost, also where the chord's own
result says nothing; a transcript counts as soon as it was written to a file, also when Redis forgot it.
"""
