"""Names of configurations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferkit import MobileNetFER, ResNetFER
from ferkit.model_selection import format_config, parse_config, reference_configs


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("adam_lr3_dropout0_bn", {"optimizer": "adam", "lr": 1e-3, "dropout": 0.0}),
        ("adam_lr2_drop15_bn", {"optimizer": "adam", "lr": 1e-2, "dropout": 0.15}),
        (
            "sgd_mom09_lr3_dropout15_bn",
            {"optimizer": "sgd", "momentum": 0.9, "lr": 1e-3, "dropout": 0.15},
        ),
        (
            "sgd_lr3_drop15_wd1e4_bn",
            {
                "optimizer": "sgd",
                "momentum": 0.9,
                "lr": 1e-3,
                "dropout": 0.15,
                "weight_decay": 1e-4,
            },
        ),
        (
            "sgd_mom095_lr5e4_drop5_wd0",
            {
                "optimizer": "sgd",
                "momentum": 0.95,
                "lr": 5e-4,
                "dropout": 0.05,
                "weight_decay": 0.0,
            },
        ),
        ("adamw_lr3_drop20", {"optimizer": "adamw", "lr": 1e-3, "dropout": 0.2}),
    ],
)
def test_names_are_read(name, params):
    assert parse_config(name) == params


@given(
    optimizer=st.sampled_from(["adam", "adamw", "sgd"]),
    momentum=st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99]),
    mantissas=st.tuples(st.integers(1, 9), st.integers(0, 9)),
    exponents=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    percents=st.integers(0, 99),
    has_decay=st.booleans(),
)
def test_names_say_it_all(optimizer, momentum, mantissas, exponents, percents, has_decay):
    lr, decay = (float(f"{m}e-{e}") for m, e in zip(mantissas, exponents, strict=True))
    params = {"optimizer": optimizer, "lr": lr, "dropout": percents / 100}
    params |= {"momentum": momentum} if optimizer == "sgd" else {}
    params |= {"weight_decay": decay} if has_decay else {}
    assert parse_config(format_config(params)) == params


@pytest.mark.parametrize("network", ["resnet", "mobilenet"])
def test_the_studys_configurations(network):
    configs = reference_configs(network)
    assert len(configs) == 5
    estimator = {"resnet": ResNetFER, "mobilenet": MobileNetFER}[network]
    for name, params in configs.items():
        estimator(**params)._validate_params()
        assert format_config(params).replace("_wd0", "") in {
            name.replace("dropout", "drop").replace("_mom09", "").replace("_wd0", "")
        }


def test_the_baseline():
    assert reference_configs("vgg16")["baseline"]["weights"] == "imagenet"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "adam",
        "lion_lr3_drop0",
        "adam_mom09_lr3_drop0",
        "adam_lr3",
        "adam_drop0_lr3",
        "adam_lr3_drop0_x",
    ],
)
def test_names_that_cannot_be_read(name):
    with pytest.raises(ValueError, match="expected a name such as 'adam_lr3_drop15_wd1e4_bn'"):
        parse_config(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 1.5e-4}, "expected values that a name can tell"),
        ({"lr": 2.0}, "expected values that a name can tell"),
        ({"dropout": 0.155}, "expected values that a name can tell"),
        ({"weight_decay": 0.5}, None),
        ({"optimizer": "lion"}, "expected values that a name can tell"),
        ({"optimizer": None}, "expected values that a name can tell"),
        ({"optimizer": None, "lr": None, "dropout": None}, "expected values that a name can tell"),
        ({"dropout": float("inf")}, "expected values that a name can tell"),
        ({"lr": "x"}, "expected values that a name can tell"),
        ({"optimizer": "sgd", "momentum": None}, "expected values that a name can tell"),
        ({"batch_size": 64}, "got parameters .*'batch_size'"),
    ],
)
def test_what_no_name_can_tell(changes, message):
    params = {"optimizer": "adam", "lr": 1e-3, "dropout": 0.15} | changes
    if message is None:
        assert parse_config(format_config(params)) == params
        return
    with pytest.raises(ValueError, match=message):
        format_config(params)


def test_unknown_network():
    with pytest.raises(
        ValueError, match="got network 'alexnet', expected one of resnet, mobilenet"
    ):
        reference_configs("alexnet")
    with pytest.raises(
        ValueError, match=r"got network \['resnet'\], expected one of .*; choose one"
    ):
        reference_configs(["resnet"])
