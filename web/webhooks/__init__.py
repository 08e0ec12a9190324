"""`/v1/webhooks`, `/v1/deliveries` and `/v1/events`: who is told what happens, how that went, and what there was."""
