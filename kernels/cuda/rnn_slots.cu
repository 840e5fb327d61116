// The slots of a unit's four packed gates that hold recurrent parts.

// The gate whose recurrent part slot `slot` holds; GATES if there is none.
__device__ __forceinline__ constexpr unsigned recurrent_gate(unsigned slot) {
    unsigned found = GATES;
    for (unsigned gate = 0; gate < GATES; gate++) {
        found = recurrent_slot(gate) == (int)slot ? gate : found;
    }
    return found;
}
