"""JAX's training step, or prediction, of problem.py, NHWC, donated state. On a GPU one jitted lax.scan over the steps; on the CPU one jitted call a step,
since XLA's CPU convolutions leave their fast path inside a loop.
"""
import functools

import jax, jax.numpy as jnp
import problem

args = problem.arguments(__doc__)


def forward(p, x, key, keep):
    for stage in ("conv1", "conv2", "conv3"):
        x = jax.lax.conv_general_dilated(x, p[f"{stage}.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + p[f"{stage}.bias"])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.relu(x.reshape(x.shape[0], -1) @ p["fc1.weight"] + p["fc1.bias"])
    if keep < 1:
        x = jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)
    return x @ p["fc2.weight"] + p["fc2.bias"]


def cost(p, x, t, key, keep):
    return jnp.mean(jnp.abs((forward(p, x, key, keep) - t) / t))


def step(state, x, t, batch, keep):
    p, m, v, s = state
    rows = (jnp.arange(batch) + (s - 1) * batch) % (len(x) // batch * batch)
    value, g = jax.value_and_grad(cost)(p, x[rows], t[rows], jax.random.fold_in(jax.random.key(1), s), keep)
    number = s.astype(jnp.float32)
    rate = problem.LR * problem.DECAY_RATE ** ((number - 1) / problem.DECAY_STEPS)
    rate = rate * jnp.sqrt(1 - problem.BETA2**number) / (1 - problem.BETA1**number)
    m = jax.tree.map(lambda m, g: problem.BETA1 * m + (1 - problem.BETA1) * g, m, g)
    v = jax.tree.map(lambda v, g: problem.BETA2 * v + (1 - problem.BETA2) * g * g, v, g)
    p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + problem.EPSILON), p, m, v)
    return (p, m, v, s + 1), value


@functools.partial(jax.jit, static_argnames=("batch", "keep", "steps"), donate_argnums=0)
def scan(state, x, t, batch, keep, steps):
    return jax.lax.scan(lambda state, _: step(state, x, t, batch, keep), state, None, steps)


one = jax.jit(step, static_argnames=("batch", "keep"), donate_argnums=0)


@functools.partial(jax.jit, static_argnames="batch")
def predict(state, x, t, batch):
    p, m, v, s = state
    rows = (jnp.arange(batch) + (s - 1) * batch) % (len(x) // batch * batch)
    return (p, m, v, s + 1), cost(p, x[rows], t[rows], None, 1.0)


def train(state, x, t, batch, keep):
    if not args.predict and jax.default_backend() != "cpu":
        return scan(state, x, t, batch, keep, args.steps)
    costs = []
    for _ in range(args.steps):
        state, value = predict(state, x, t, batch) if args.predict else one(state, x, t, batch, keep)
        costs.append(value)
    return state, jnp.stack(costs)


def solve(batch, precision, displacement, mode_area, start):
    jax.config.update("jax_default_matmul_precision", {"f32": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}[precision])
    x, t = jnp.asarray(displacement.transpose(0, 2, 3, 1)), jnp.asarray(mode_area)

    def fresh():
        p = {name: jnp.asarray(value) for name, value in problem.channels_last(start).items()}
        zeros = lambda: jax.tree.map(jnp.zeros_like, p)
        return p, zeros(), zeros(), jnp.asarray(1, jnp.int32)

    curve = jax.device_get(train(fresh(), x, t, batch, 1.0)[1])
    state = fresh()

    def run():
        nonlocal state
        state, costs = train(state, x, t, batch, 0.5)
        costs.block_until_ready()

    return f"JAX {jax.__version__}, {jax.devices()[0].device_kind}", curve, problem.timed(run, args.runs, args.steps)


problem.each(args, solve)
