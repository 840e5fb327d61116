"""TensorFlow's Keras: `tf_server.py THREADS [bf16]`. The layers as documented, in a `tf.function`. In bf16 under
the policy `mixed_bfloat16`: weights and their gradients stay in f32, and each run casts the weights."""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import tensorflow as tf

import server

BF16 = "bf16" in sys.argv
tf.config.threading.set_intra_op_parallelism_threads(server.THREADS)
tf.config.threading.set_inter_op_parallelism_threads(server.THREADS)


def build(case):
    if case.mode == "step":
        raise server.Unsupported("only PyTorch's whole training step is compared")
    keras.backend.clear_session()
    if BF16:
        keras.config.set_dtype_policy("mixed_bfloat16")  # which the line before forgets
    kind = keras.layers.GRU if case.cell == "gru" else keras.layers.LSTM
    layer = kind(case.H, return_sequences=True)
    if case.cell == "bilstm":
        layer = keras.layers.Bidirectional(layer)
    x = tf.random.normal((case.B, case.T, case.D), dtype=tf.bfloat16 if BF16 else tf.float32)
    layer.build(x.shape)
    weights = [variable.value for variable in layer.trainable_variables]

    def last_hidden(y):
        """The backward direction ends at the first step."""
        return tf.concat([y[:, -1, : case.H], y[:, 0, case.H :]], axis=1)

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(0.01 * last_hidden(layer(x, training=True)))
        return tape.gradient(loss, weights)

    @tf.function
    def infer():
        return [layer(x, training=False)]

    run = train if case.mode == "train" else infer
    return lambda: [result.numpy() for result in run()]  # so that a run is over when it returns


server.main("tf", tf.__version__, build)
