"""Predicts the speed of CUDA kernels from their machine code (SASS). See tools/sass-model."""
