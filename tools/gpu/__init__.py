"""The parts of tools/gpu-suite."""
