"""Webhooks (docs/decisions/0019-webhooks.md): what happened, who is told, and how that went.

An event is written with the change that it is about; each endpoint that wants it gets a delivery, a row with a state of
its own; whoever delivers claims what is due, with a lease. Nothing here can fail a job. Its modules are imported by
themselves: the settings and the options need those that are pure.
"""
