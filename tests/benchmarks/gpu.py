"""Measure training on a GPU: seconds of a fit, beside skorch and beside what the machine allows.

``python tests/benchmarks/gpu.py --data fer2013.zip --json gpu.json`` trains each network on all of
FER2013's training images, with the reference study's augmentation: for a few epochs with each batch
size, and then for 100 epochs with the fastest. ``--compile`` trains through ``torch.compile``,
``--eager`` without recorded steps. ``--device cpu --epochs 1 --images 512`` tries it
out without a GPU. What is measured:

ceilings
    Bytes that a copy within the device reads and writes per second, and operations per second of a
    product of large bfloat16 matrices, of which a multiply-add is two.
fits, full
    Seconds of `fit`, making the network and moving the images to the device included, after a fit
    of one epoch on four batches. Images per second, and which batch size is the fastest, go by the
    median epoch but the first, which has the recording or compiling, too.
skorch
    Seconds of one epoch of vanilla skorch without augmentation, in batches of 64 and of the full
    run's size. The ratio is of images per second.
floor
    The least seconds that the full run could take with these ceilings: neither less than by bytes
    nor than by operations; see `count_work`.
profile
    With ``--profile``, where the time of six epochs of twenty batches goes: the device's kernels,
    or the operators' own times on the CPU.
"""

import argparse
import gc
import json
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import rivals_training
import torch
from measure_training import LR, MODULES
from torch import nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

import ferkit.nn
import ferkit.training.net
from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import load_fer2013

NETWORKS = {"mobilenet": MobileNetFER, "resnet": ResNetFER}
WARM_UP_BATCHES = 4
PROFILED_BATCHES = 20


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure training on a GPU.")
    parser.add_argument("--data", required=True, metavar="PATH", help="FER2013")
    parser.add_argument("--json", metavar="FILE", help="for all figures, written after each part")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--sweep-epochs", type=int, default=3, help="with each batch size")
    parser.add_argument("--epochs", type=int, default=100, help="of the full run")
    parser.add_argument("--compile", action="store_true", help="let torch.compile make the step")
    parser.add_argument("--eager", action="store_true", help="train without recorded steps")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, help="take a random part of them")
    parser.add_argument("--skip-rivals", action="store_true")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    args = parser.parse_args()
    if _is_cuda(args.device) and not torch.cuda.is_available():
        parser.error("got no CUDA device, expected one; try --device cpu")
    if args.eager:
        ferkit.training.net.can_be_graphed = lambda *args, **kwargs: False
    X, y = load_fer2013(args.data, return_X_y=True)
    # by class as loaded, so a part would lack some
    order = np.random.default_rng(0).permutation(len(y))[: args.images]
    X, y = X[order], y[order]
    ceilings = measure_ceilings(args.device)
    device = torch.cuda.get_device_name(args.device) if _is_cuda(args.device) else args.device
    machine = {"device": device, "torch": torch.__version__, "threads": torch.get_num_threads()}
    results = {"machine": machine, "arguments": vars(args), "ceilings": ceilings, "networks": {}}
    say("machine", machine)
    say("ceilings", ceilings)
    for name in args.networks:
        figures = results["networks"][name] = {"fits": {}, "skorch": {}}
        for part, measured in measure_network(args, name, X, y, ceilings, figures):
            say(f"{name}, {part}", measured)
            if args.json is not None:
                Path(args.json).write_text(json.dumps(results, indent=1))


def say(part, figures):
    """Print a part's figures in a line, lists aside."""
    shown = [
        f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
        if not isinstance(value, list)
    ]
    print(f"{part}: {', '.join(shown)}", flush=True)


def measure_ceilings(device):
    """Measure how many bytes the device copies, and how many operations it does, per second."""
    n_bytes, side = (2**30, 8192) if _is_cuda(device) else (2**26, 512)
    source = torch.randint(0, 256, (n_bytes,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    # random, for a GPU draws less power on zeros and so runs faster
    a, b = (torch.randn(side, side, device=device).to(torch.bfloat16) for _ in range(2))
    product = torch.empty_like(a)
    copying = _median_seconds(device, target.copy_, source)
    multiplying = _median_seconds(device, partial(torch.matmul, out=product), a, b)
    return {
        "bytes_per_second": 2 * n_bytes / copying,
        "operations_per_second": 2 * side**3 / multiplying,
    }


def _median_seconds(device, function, *args):
    """Time ten calls, six times, of which the first is to warm up."""
    seconds = [_seconds(device, lambda: [function(*args) for _ in range(10)]) for _ in range(6)]
    return median(seconds[1:]) / 10


def count_work(module):
    """Count the least operations and bytes that training on an image takes.

    Operations are two for each multiply-add, three times: forward, and backward for the gradients
    of the input and of the weights. Bytes are those of the convolutions' outputs in bfloat16, five
    times: forward, an output is written and read by the next layer; backward, its gradient is
    written and read, and the output is read again for the gradient of the next layer's weights.
    That is the least if all between convolutions were fused into them, each had its two gradients
    in one kernel, and no cache kept anything between kernels. Weights, the optimizer, augmentation,
    and the sixth pass that batch normalisation needs for its sums are left out.
    """
    outputs = []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, inputs, output: outputs.append(output.numel()))
    n_multiply_adds = ferkit.nn.count_multiply_adds(module, (1, 48, 48))
    return {"operations": 3 * 2 * n_multiply_adds, "bytes": 5 * 2 * sum(outputs)}


def measure_network(args, name, X, y, ceilings, figures):
    """Add a network's figures, part by part, and yield each part's name and figures."""
    estimator = NETWORKS[name]
    make = partial(estimator, augment="reference", device=args.device, compile=args.compile)
    module_class = getattr(ferkit.nn, MODULES[estimator.__name__])
    work = figures["work"] = count_work(module_class(in_channels=1, n_classes=len(np.unique(y))))
    yield "work for an image", work
    fits = figures["fits"]
    for size in sorted({*args.batch_sizes, rivals_training.BATCH_SIZE}):
        fits[size] = measure_fit(make(batch_size=size, max_epochs=args.sweep_epochs), X, y)
        yield f"batches of {size}", fits[size]
    chosen = min(fits, key=lambda size: fits[size]["median_epoch_seconds"])
    clf = make(batch_size=chosen, max_epochs=args.epochs)
    figures["full"] = {"batch_size": chosen, **measure_fit(clf, X, y)}
    yield "full run", figures["full"]
    figures["floor_seconds"] = {
        f"by_{what}": len(y) * args.epochs * work[what] / ceilings[f"{what}_per_second"]
        for what in ("bytes", "operations")
    }
    yield "floor of that in seconds", figures["floor_seconds"]
    if not args.skip_rivals:
        for size in sorted({rivals_training.BATCH_SIZE, chosen}):
            rival = figures["skorch"][size] = measure_skorch(estimator, X, y, size, args.device)
            rival["ratio"] = fits[size]["images_per_second"] / rival["images_per_second"]
            yield f"batches of {size}, skorch", rival
    if args.profile:
        some = slice(PROFILED_BATCHES * chosen)
        figures["profile"] = profile_fit(make(batch_size=chosen, max_epochs=6), X[some], y[some])
        yield "profile", figures["profile"]


def measure_fit(clf, X, y):
    """Time a fit, after a short one; memory is what torch took on a GPU."""
    n_epochs, warm_up = clf.max_epochs, slice(WARM_UP_BATCHES * clf.batch_size)
    clf.set_params(max_epochs=1, random_state=0).fit(X[warm_up], y[warm_up])
    gc.collect()  # what earlier fits took is not of this one's peak
    if _is_cuda(clf.device):
        torch.cuda.reset_peak_memory_stats(clf.device)
    seconds = _seconds(clf.device, clf.set_params(max_epochs=n_epochs).fit, X, y)
    epochs = [float(value) for value in clf.history_["seconds"]]
    steady = epochs[1:] or epochs  # the first has the recording or compiling, too
    figures = {
        "seconds": seconds,
        "images_per_second": len(y) / median(steady),
        "median_epoch_seconds": median(steady),
        "epoch_seconds": epochs,
        "precision": str(clf.net_.training_dtype_),
    }
    if _is_cuda(clf.device):
        figures["peak_memory_mb"] = torch.cuda.max_memory_reserved(clf.device) / 1e6
    return figures


def measure_skorch(estimator, X, y, batch_size, device):
    """Time an epoch of vanilla skorch, after one on a few batches."""
    X = X[:, None] / np.float32(127.5) - 1
    defaults = estimator().get_params()
    train = partial(
        rivals_training.train_skorch,
        getattr(ferkit.nn, MODULES[estimator.__name__]),
        {"in_channels": 1, "n_classes": len(np.unique(y)), "dropout": defaults["dropout"]},
        lr=LR,
        weight_decay=defaults["weight_decay"],
        device=device,
        batch_size=batch_size,
    )
    torch.manual_seed(0)
    warm_up = slice(WARM_UP_BATCHES * batch_size)
    train(X[warm_up], y[warm_up])
    seconds = _seconds(device, train, X, y)
    return {"seconds": seconds, "images_per_second": len(y) / seconds}


def profile_fit(clf, X, y):
    """Print where the time of a fit goes, after another; return it by kernel or operator."""
    clf.set_params(random_state=0).fit(X, y)
    is_cuda = _is_cuda(clf.device)
    field = f"self_{'device' if is_cuda else 'cpu'}_time_total"
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * is_cuda) as profiler:
        seconds = _seconds(clf.device, clf.fit, X, y)
    events = profiler.key_averages()
    print(events.table(sort_by=field, row_limit=25))
    # kernels: torch books their time with the operators that started them, too
    rows = [
        {"name": event.key, "count": event.count, "seconds": getattr(event, field) / 1e6}
        for event in events
        if not is_cuda or (event.device_type == DeviceType.CUDA and not event.is_user_annotation)
    ]
    rows.sort(key=lambda row: row["seconds"], reverse=True)
    at_work = sum(row["seconds"] for row in rows)
    return {"seconds": seconds, "seconds_at_work": at_work, "rows": rows}


def _is_cuda(device):
    return torch.device(device).type == "cuda"


def _seconds(device, function, *args):
    """Time a call, until the device is done."""
    wait = torch.cuda.synchronize if _is_cuda(device) else lambda device: None
    wait(device)
    start = time.perf_counter()
    function(*args)
    wait(device)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
