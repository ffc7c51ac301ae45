"""How fast are the models, beside their peers and beside what the processor could do at most?

Workloads W1-W5 are training steps (forward, loss on bits, backward, AdamW; d_state 16, expand 2,
d_conv 4, float32), W6 is evaluation without gradients.
"""
