// Of a unit's four numbers, those that belong to the recurrent parts of gates.

// The gate whose recurrent part number `slot` has to do with; GATES if there is none.
__device__ __forceinline__ constexpr unsigned recurrent_gate(unsigned slot) {
    unsigned found = GATES;
    for (unsigned gate = 0; gate < GATES; gate++) {
        found = recurrent_slot(gate) == (int)slot ? gate : found;
    }
    return found;
}
