"""All that an epoch leaves for the next: of a net, to a checkpoint and back."""

import copy
import math
from contextlib import contextmanager

import torch

from .. import persistence
from .history import append_rows, losses_of, rows_of


def pack_state(net, best_weights):
    """Collect all that an epoch leaves for the next: tensors, and a header for JSON.

    The tensors are weights, average, best weights, which are None or the predictor's from the best
    epoch so far, and the optimizer's state. There are no random states, for an epoch is seeded by
    its number.
    """
    return _pack_tensors(net, best_weights), {
        "seed": net.seed,
        "network": repr(net.module_),
        "history": persistence.to_history(rows_of(net)),
        "n_steps": net.n_steps_,
    }


def _pack_tensors(net, best_weights):
    parts = {"module": net.module_.state_dict(), "best": best_weights or {}}
    if net.ema_decay is not None:
        parts["average"] = net.average_.state_dict()
    for index, state in net.optimizer_.state_dict()["state"].items():
        parts[f"optimizer.{index}"] = state
    return {
        f"{part}/{name}": tensor
        for part, part_tensors in parts.items()
        for name, tensor in part_tensors.items()
        if tensor is not None  # SGD without momentum
    }


@contextmanager
def undone_on_failure(net):
    """Leave a trained net as it was if what is done with it fails.

    It has an epoch or more behind it.
    """
    tensors = copy.deepcopy(_pack_tensors(net, None))
    n_epochs, n_steps, best_epoch = len(net.history), net.n_steps_, net.best_epoch_
    try:
        yield
    except BaseException:
        _give_tensors(net, tensors)
        del net.history[n_epochs:]
        net.n_steps_, net.best_epoch_ = n_steps, best_epoch
        raise


def unpack_state(net, tensors, header):
    """Give an initialised net what `pack_state` returned of another; return the best weights.

    The best weights may be None. Raises a ValueError if the state is of another network, or
    something is missing.
    """
    if header["network"] != repr(net.module_):
        raise ValueError(
            f"got checkpoint {header['path']} of another network under the same parameters, "
            f"expected {type(net.module_).__name__} as it is now; choose another checkpoint_dir"
        )
    try:
        best = _give_tensors(net, tensors)
        append_rows(net, header["history"])
        net.n_steps_ = header["n_steps"]
        if not all(math.isfinite(loss) for loss in losses_of(net.history, net.monitor)):
            raise ValueError("a loss is not finite")
        return best
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"got checkpoint {header['path']} that does not fit the network that it is of "
            f"({persistence.explain(error)}), expected all of its state; choose another "
            "checkpoint_dir"
        ) from error


def _give_tensors(net, tensors):
    parts = {}
    for key, tensor in tensors.items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = tensor
    net.module_.load_state_dict(parts["module"])
    if net.ema_decay is not None:
        net.average_.load_state_dict(parts["average"])
    optimizer = net.optimizer_.state_dict()
    names = _state_names(net.optimizer_)
    for index, parameter in enumerate(net.module_.parameters()):
        state = parts.get(f"optimizer.{index}", {})
        expected = {name: () if name == "step" else parameter.shape for name in names}
        shapes = {name: tensor.shape for name, tensor in state.items()}
        # a parameter that no output depends on has no state
        if shapes and shapes != (expected if parameter.requires_grad else {}):
            raise ValueError(f"the optimizer's state of parameter {index} is of shapes {shapes}")
        optimizer["state"][index] = {
            # fused optimizers walk through parameter and state alike, in the order of the memory
            name: torch.empty_like(parameter).copy_(t) if t.shape == parameter.shape else t
            for name, t in state.items()
        }
    net.optimizer_.load_state_dict(optimizer)
    best, own = parts.get("best"), net.module_.state_dict()
    if best is not None and {n: t.shape for n, t in best.items()} != {
        n: t.shape for n, t in own.items()
    }:
        raise ValueError("the best weights are of another network")
    return best


def _state_names(optimizer):
    """List what an optimizer remembers of a parameter after its first step."""
    if isinstance(optimizer, torch.optim.SGD):
        return {"momentum_buffer"} if optimizer.defaults["momentum"] else set()
    return {"step", "exp_avg", "exp_avg_sq"}
