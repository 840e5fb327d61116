"""PyTorch: `torch_server.py [no-mkldnn] THREADS [bf16 | cuda-fp32 | cuda-tf32 | cuda-fp16 | cuda-bf16]`. On a CPU it is
sometimes faster without oneDNN (MKL-DNN, in its words). In fp16 and bf16 weights and inputs are so throughout, as
cuDNN's recurrent layers want them; on a CPU that is faster than `torch.autocast`."""
import sys

import torch
from torch import nn

import server

torch.set_num_threads(server.THREADS)
torch.backends.mkldnn.set_flags("no-mkldnn" not in sys.argv)
CUDA = next((argument for argument in sys.argv if argument.startswith("cuda-")), None)
if "bf16" in sys.argv:
    torch.set_default_dtype(torch.bfloat16)
if CUDA:
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = CUDA != "cuda-fp32"
    torch.set_default_dtype({"cuda-fp16": torch.float16, "cuda-bf16": torch.bfloat16}.get(CUDA, torch.float32))


def until_done(run):
    """A device works on after the call: its time ends when it is done."""
    if not CUDA:
        return run

    def waiting(runs=1):
        for _ in range(runs):
            run()
        torch.cuda.synchronize()

    return waiting


def layer(case):
    kind = nn.GRU if case.cell == "gru" else nn.LSTM
    return kind(case.D, case.H, batch_first=True, bidirectional=case.cell == "bilstm")


def last_hidden(rnn, x):
    """h_n, (directions, B, H)"""
    state = rnn(x)[1]
    return state[0] if isinstance(state, tuple) else state


class Classifier(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.rnn = layer(case)
        self.head = nn.Linear(case.H * (2 if case.cell == "bilstm" else 1), 2)

    def forward(self, x):
        return self.head(torch.cat(tuple(last_hidden(self.rnn, x)), dim=1))


def training_step(case):
    x, classes = torch.randn(case.B, case.T, case.D), torch.randint(2, (case.B,))
    model = Classifier(case)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), classes).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def build(case):
    if case.mode == "step":
        steps = [training_step(case) for _ in range(case.folds)]
        return until_done(lambda: [step() for step in steps])
    x, rnn = torch.randn(case.B, case.T, case.D), layer(case)

    def train():
        rnn.zero_grad()
        (0.01 * last_hidden(rnn, x)).sum().backward()

    def infer():
        with torch.inference_mode():
            rnn(x)

    return until_done(train if case.mode == "train" else infer)


server.main("torch", torch.__version__, build, CUDA and torch.cuda.get_device_name())
