"""PyTorch's training step of problem.py, in three forms: eager, compile (max-autotune) and graph, the whole step captured in one CUDA
graph with a fused, capturable Adam and channels_last (the strongest form). On the CPU only eager and compile.

The rate is a tensor on the device. PyTorch adds epsilon after the bias correction, which the cost curve does not show.
"""
import sys

import problem
import torch

form = sys.argv.pop(1)
args = problem.arguments(__doc__)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class D2L(torch.nn.Module):
    def __init__(self, keep):
        super().__init__()
        nn = torch.nn
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(2, 256, 3, padding=1), nn.Conv2d(256, 512, 3, padding=1), nn.Conv2d(512, 1024, 3, padding=1)
        self.fc1, self.fc2, self.dropout = nn.Linear(4096, 2048), nn.Linear(2048, 256), nn.Dropout(1 - keep)

    def forward(self, x):
        for stage in (self.conv1, self.conv2, self.conv3):
            x = torch.nn.functional.max_pool2d(torch.relu(stage(x)), 2)
        return self.fc2(self.dropout(torch.relu(self.fc1(x.flatten(1)))))


class Trainer:
    def __init__(self, keep, batch, precision, x, t, start):
        self.batch, self.precision, self.x, self.t = batch, precision, x, t
        self.net = D2L(keep)
        self.net.load_state_dict({name: torch.from_numpy(value) for name, value in start.items()})
        self.net.to(device, memory_format=torch.channels_last)
        self.rate = torch.tensor(problem.LR, device=device)
        on_gpu = device.type == "cuda"
        self.adam = torch.optim.Adam(self.net.parameters(), lr=self.rate, betas=(problem.BETA1, problem.BETA2), eps=problem.EPSILON,
                                     fused=on_gpu, capturable=on_gpu)
        self.counter = torch.zeros((), dtype=torch.int64, device=device)
        self.cost = torch.zeros((), device=device)
        self.call = torch.compile(self.work, mode="max-autotune-no-cudagraphs") if form == "compile" else self.work
        if form == "graph":
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            saved = [p.detach().clone() for p in self.net.parameters()]
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.work()
            torch.cuda.current_stream().wait_stream(side)
            # The graph starts where the curve must start.
            with torch.no_grad():
                for p, value in zip(self.net.parameters(), saved):
                    p.copy_(value)
                for state in self.adam.state.values():
                    for value in state.values():
                        value.zero_()
                self.counter.zero_()
                self.rate.fill_(problem.LR)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.work()
            self.call = self.graph.replay

    def work(self):
        batches = len(self.x) // self.batch
        rows = (torch.arange(self.batch, device=device) + self.counter % batches * self.batch)
        self.adam.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            y = self.net(self.x[rows])
        cost = ((y.float() - self.t[rows]) / self.t[rows]).abs().mean()
        cost.backward()
        self.rate.copy_(problem.LR * problem.DECAY_RATE ** (self.counter / problem.DECAY_STEPS))
        self.adam.step()
        self.counter += 1
        self.cost.copy_(cost.detach())

    def steps(self, count):
        costs = []
        for _ in range(count):
            self.call()
            costs.append(self.cost.clone())
        if device.type == "cuda":
            torch.cuda.synchronize()
        return costs


def solve(batch, precision, displacement, mode_area, start):
    torch.compiler.reset()
    if device.type == "cuda":
        products = {"f32": "ieee", "tf32": "tf32", "bf16": "tf32"}[precision]
        torch.backends.cuda.matmul.fp32_precision = products
        torch.backends.cudnn.conv.fp32_precision = products
        torch.backends.cudnn.benchmark = True
    x = torch.from_numpy(displacement).to(device, memory_format=torch.channels_last)
    t = torch.from_numpy(mode_area).to(device)
    curve = [float(c) for c in Trainer(1.0, batch, precision, x, t, start).steps(args.steps)]
    trainer = Trainer(0.5, batch, precision, x, t, start)
    seconds = problem.timed(lambda: trainer.steps(args.steps), args.runs, args.steps)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    return f"PyTorch {torch.__version__} {form}, {name}", curve, seconds


problem.each(args, solve)
