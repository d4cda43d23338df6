"""TensorFlow's training step, or prediction, of problem.py on the CPU (oneDNN): one tf.function a step, NHWC, TensorFlow's own fused Adam kernel."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import problem
import tensorflow as tf
from safetensors.numpy import load_file

args = problem.arguments(__doc__)
p, m, v = ({name: tf.Variable(tf.zeros(value.shape)) for name, value in problem.channels_last(load_file(args.start)).items()} for _ in range(3))


def forward(x, keep):
    for stage in ("conv1", "conv2", "conv3"):
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, p[f"{stage}.weight"], 1, "SAME"), p[f"{stage}.bias"]))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.nn.relu(tf.reshape(x, (x.shape[0], -1)) @ p["fc1.weight"] + p["fc1.bias"])
    if keep < 1:
        x = tf.nn.dropout(x, 1 - keep)
    return x @ p["fc2.weight"] + p["fc2.bias"]


@tf.function
def predict(x, t):
    return tf.reduce_mean(tf.abs((forward(x, 1.0) - t) / t))


@tf.function
def step(x, t, rate, keep):
    with tf.GradientTape() as tape:
        cost = tf.reduce_mean(tf.abs((forward(x, keep) - t) / t))
    for name, gradient in zip(p, tape.gradient(cost, list(p.values()))):
        # The bias correction stands in the rate; powers of 0 switch the kernel's own off.
        tf.raw_ops.ResourceApplyAdam(var=p[name].handle, m=m[name].handle, v=v[name].handle, beta1_power=0.0, beta2_power=0.0, lr=rate,
                                     beta1=problem.BETA1, beta2=problem.BETA2, epsilon=problem.EPSILON, grad=gradient)
    return cost


def solve(batch, precision, displacement, mode_area, start):
    if precision != "f32":
        raise SystemExit("this peer has f32 alone")
    x, t = tf.constant(displacement.transpose(0, 2, 3, 1)), tf.constant(mode_area)
    done = 0

    def fresh():
        nonlocal done
        done = 0
        for name, value in problem.channels_last(start).items():
            p[name].assign(value), m[name].assign(tf.zeros_like(value)), v[name].assign(tf.zeros_like(value))

    def run(keep=0.5):
        nonlocal done
        costs = []
        for _ in range(args.steps):
            first = done * batch % (len(x) // batch * batch)
            done += 1
            some = x[first : first + batch], t[first : first + batch]
            costs.append(predict(*some) if args.predict else step(*some, tf.constant(problem.rate(done), tf.float32), keep))
        return [float(c) for c in costs]

    fresh()
    curve = run(keep=1.0)
    fresh()
    return f"TensorFlow {tf.__version__}", curve, problem.timed(run, args.runs, args.steps)


problem.each(args, solve)
