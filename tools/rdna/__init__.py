"""Predicts what AMD GPUs make of the WGSL kernels from their machine code. See tools/rdna-model."""
