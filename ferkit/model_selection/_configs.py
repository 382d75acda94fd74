"""Names of configurations, as the reference study has them."""

from __future__ import annotations

import re
from typing import Any, Literal

_PATTERN = re.compile(
    r"(?P<optimizer>adamw|adam|sgd)"
    r"(?:_mom(?P<momentum>0\d*))?"
    r"_lr(?P<lr>[1-9]|[1-9]e\d)"
    r"_drop(?:out)?(?P<dropout>\d{1,2})"
    r"(?:_wd(?P<weight_decay>0|[1-9]e\d))?"
    r"(?:_bn)?",
    re.ASCII,
)

_RESNET = (
    "adam_lr3_dropout0_bn",
    "adam_lr3_dropout15_bn",
    "adam_lr2_dropout15_bn",
    "adam_lr3_dropout20_bn",
    "sgd_mom09_lr3_dropout15_bn",
)
_MOBILENET = (
    "adam_lr3_drop0_wd0_bn",
    "adam_lr3_drop0_wd1e4_bn",
    "adam_lr3_drop15_wd0_bn",
    "adam_lr3_drop15_wd1e4_bn",
    "sgd_lr3_drop15_wd1e4_bn",
)


def parse_config(name: str) -> dict[str, Any]:
    """Read an estimator's parameters from a name such as "adam_lr3_drop15_wd1e4_bn".

    The parts of a name, in this order: the optimizer (adam, adamw or sgd); the momentum of sgd,
    "mom09" for 0.9, which is also what is meant without it; "lr3" for a learning rate of 1e-3, or
    "lr5e4" for 5e-4; "drop15" or "dropout15" for a dropout rate of 0.15; "wd1e4" for a weight decay
    of 1e-4, "wd0" for none; and "bn", which changes nothing: there is always batch normalisation.
    Weight decay may be left out, and is then the estimator's default.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    dict
        Parameters of MobileNetFER, ResNetFER and the like.

    Raises
    ------
    ValueError
        If the name cannot be read.

    Examples
    --------
    >>> from ferkit import MobileNetFER
    >>> from ferkit.model_selection import parse_config
    >>> parse_config("adam_lr3_drop15_wd1e4_bn")
    {'optimizer': 'adam', 'lr': 0.001, 'dropout': 0.15, 'weight_decay': 0.0001}
    >>> clf = MobileNetFER(**parse_config("sgd_lr3_drop15_wd1e4_bn"))
    >>> clf.momentum
    0.9
    """
    found = _PATTERN.fullmatch(name) if isinstance(name, str) else None
    if found is None or (found["momentum"] and found["optimizer"] != "sgd"):
        raise ValueError(
            f"got the configuration {name!r}, expected a name such as 'adam_lr3_drop15_wd1e4_bn' "
            "or 'sgd_mom09_lr2_dropout0'; write its parts in this order"
        )
    params = {"optimizer": found["optimizer"]}
    if found["optimizer"] == "sgd":
        digits = found["momentum"] or "09"
        params["momentum"] = float(f"{digits[0]}.{digits[1:]}")
    params["lr"] = _read_power(found["lr"])
    params["dropout"] = int(found["dropout"]) / 100
    if found["weight_decay"]:
        params["weight_decay"] = _read_power(found["weight_decay"])
    return params


def _read_power(text):
    """Read "3" as 1e-3, "5e4" as 5e-4 and "0" as 0."""
    if text == "0":
        return 0.0
    mantissa, _, exponent = text.rpartition("e")
    return float(f"{mantissa or 1}e-{exponent}")


def format_config(params: dict[str, Any]) -> str:
    """Name a configuration; what `parse_config` reads.

    Parameters
    ----------
    params : dict
        Parameters of an estimator: optimizer, lr and dropout, and if it is named the weight_decay
        and, for "sgd", the momentum, which is left out of the others' names.

    Returns
    -------
    str
        Its name, in the spelling of the study's MobileNets.

    Raises
    ------
    ValueError
        If there are other parameters, or a value that no name can tell.

    Examples
    --------
    >>> from ferkit.model_selection import format_config
    >>> format_config({"optimizer": "adam", "lr": 1e-3, "dropout": 0.15, "weight_decay": 1e-4})
    'adam_lr3_drop15_wd1e4_bn'
    """
    known = {"optimizer", "lr", "momentum", "dropout", "weight_decay"}
    if not {"optimizer", "lr", "dropout"} <= params.keys() <= known:
        raise ValueError(
            f"got parameters {sorted(params)}, expected optimizer, lr and dropout, and perhaps "
            "momentum and weight_decay; add what is missing, and leave out the others, which no "
            "name can tell"
        )
    try:
        name = _write(params)
        found = parse_config(name)
    except (TypeError, ValueError, OverflowError):
        found = None
    if found is None or any(found[key] != value for key, value in params.items() if key in found):
        raise ValueError(
            f"got {params}, expected values that a name can tell, such as lr=5e-4 or dropout=0.15: "
            "one digit times a power of ten, whole percents, momentum 0.9; round them"
        )
    return name


def _write(params):
    parts = [params["optimizer"], *_write_momentum(params)]
    lr = _write_power(params["lr"])
    parts.append(f"lr{lr.removeprefix('1e')}")
    parts.append(f"drop{round(100 * params['dropout'])}")
    if "weight_decay" in params:
        parts.append(f"wd{_write_power(params['weight_decay'])}")
    return "_".join([*parts, "bn"])


def _write_momentum(params):
    momentum = params.get("momentum", 0.9)
    if params["optimizer"] != "sgd" or momentum == 0.9:
        return []
    return [f"mom{f'{momentum:g}'.replace('.', '')}"]


def _write_power(value):
    """Write 5e-4 as "5e4", and 0 as "0"."""
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value:.0e}".partition("e-")
    return f"{mantissa}e{exponent.lstrip('0')}"


def reference_configs(
    network: Literal["resnet", "mobilenet", "vgg16"],
) -> dict[str, dict[str, Any]]:
    """List the configurations that the reference study compared.

    See [1]_.

    Parameters
    ----------
    network : {"resnet", "mobilenet", "vgg16"}
        Which network they are of.

    Returns
    -------
    dict of str to dict
        An estimator's parameters by the study's names. They were trained for 15 epochs of batches
        of 64, which is the default. For "vgg16" it is the baseline alone.

    Raises
    ------
    ValueError
        If the network is another one.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> from ferkit.model_selection import reference_configs
    >>> list(reference_configs("resnet"))[:2]
    ['adam_lr3_dropout0_bn', 'adam_lr3_dropout15_bn']
    """
    baseline = {"optimizer": "adam", "lr": 1e-3, "weights": "imagenet", "freeze": "reference"}
    configs = {
        # the ResNets had no weight decay
        "resnet": {name: {**parse_config(name), "weight_decay": 0.0} for name in _RESNET},
        "mobilenet": {name: parse_config(name) for name in _MOBILENET},
        "vgg16": {"baseline": {**baseline, "dropout": 0.5}},
    }
    if network not in list(configs):  # a list, as what is unhashable cannot be looked up
        raise ValueError(
            f"got network {network!r}, expected one of {', '.join(configs)}; choose one"
        )
    return configs[network]
