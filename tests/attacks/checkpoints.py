class CheckpointTarget:
    name = "checkpoint"
