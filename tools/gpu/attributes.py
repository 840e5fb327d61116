"""Asks NVIDIA's driver about its devices, as JSON: a program of its own, since a broken driver may take its process along."""
import ctypes
import json
import sys

# Of enum CUdevice_attribute, what kernels are written by.
NAMES = {
    1: "max threads per block", 8: "shared memory per block", 10: "warp size", 12: "registers per block", 13: "clock kHz",
    16: "multiprocessors", 32: "ECC", 36: "memory clock kHz", 37: "memory bus bits", 38: "L2 bytes",
    39: "max threads per multiprocessor", 75: "major", 76: "minor", 81: "shared memory per multiprocessor",
    82: "registers per multiprocessor", 88: "reads pageable host memory", 95: "cooperative launch",
    97: "shared memory per block, opted in", 106: "max blocks per multiprocessor", 108: "max persisting L2 bytes",
    111: "reserved shared memory per block", 115: "memory pools", 120: "clusters",
}  # fmt: skip


def main() -> None:
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        sys.exit(f"error: the driver's library is not found: {error}")
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if code := cuda.cuInit(0):
        sys.exit(f"error: cuInit says {code} (CUDA driver {version.value})")
    cuda.cuDeviceGetCount(ctypes.byref(count))
    devices = []
    for ordinal in range(count.value):
        device, value, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(100)
        cuda.cuDeviceGet(ctypes.byref(device), ordinal)
        cuda.cuDeviceGetName(name, len(name), device)
        attributes = {}
        for which in range(1, 150):
            if cuda.cuDeviceGetAttribute(ctypes.byref(value), which, device) == 0:
                attributes[NAMES.get(which, str(which))] = value.value
        devices.append({"name": name.value.decode(), "attributes": attributes})
    print(json.dumps({"driver": version.value, "devices": devices}, indent=1))


if __name__ == "__main__":
    main()
