"""ONNX Runtime: `ort_server.py THREADS`. One LSTM or GRU node, time first as the operator wants it; inference only."""
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import server

OPSET, IR = 14, 8
rng = np.random.default_rng(0)


def build(case):
    if case.mode != "infer":
        raise server.Unsupported("ONNX Runtime does not train")
    B, T, D, H = case.B, case.T, case.D, case.H
    op, gates = ("GRU", 3) if case.cell == "gru" else ("LSTM", 4)
    dirs = 2 if case.cell == "bilstm" else 1
    attributes = {"hidden_size": H, "direction": "bidirectional" if dirs == 2 else "forward"}
    if op == "GRU":
        attributes["linear_before_reset"] = 1  # PyTorch's GRU
    shapes = {"W": (dirs, gates * H, D), "R": (dirs, gates * H, H), "bias": (dirs, 2 * gates * H)}
    bound = H**-0.5
    weights = [
        numpy_helper.from_array(rng.uniform(-bound, bound, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [T, B, D])]
    outputs = [
        helper.make_tensor_value_info("Y", TensorProto.FLOAT, [T, dirs, B, H]),
        helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, [dirs, B, H]),
    ]
    node = helper.make_node(op, ["X", *shapes], ["Y", "Y_h"], **attributes)
    graph = helper.make_graph([node], case.cell, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = server.THREADS
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = {"X": rng.standard_normal((T, B, D)).astype(np.float32)}
    return lambda: session.run(None, x)


server.main("ort", onnxruntime.__version__, build)
