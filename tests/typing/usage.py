"""What users write, as the README does; mypy checks it and nothing runs it."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import optuna
import torch
from numpy.typing import NDArray

import ferkit
from ferkit import EMOTIONS, VGG16FER, BaseFER, LargeFER, MobileNetFER, ResNetFER
from ferkit.augment import Policy, resolve_policy
from ferkit.datasets import (
    class_balance,
    find_duplicates,
    load_affectnet,
    load_fer2013,
    load_ferplus,
    load_image_folder,
    make_faces,
    validation_split,
)
from ferkit.deploy import FaceDetector, OnnxFER, export_onnx, predict_files, predict_photo
from ferkit.inspection import EmbeddingDisplay, HistoryDisplay, SaliencyDisplay, grad_cam
from ferkit.metrics import FERReport, expected_calibration_error, fer_report
from ferkit.model_selection import (
    FERSearchCV,
    compare,
    default_space,
    parse_config,
    reference_configs,
    tune_prediction,
)
from ferkit.nn import MobileNetV2_48, count_parameters
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least
from ferkit.preprocessing import PixelRows, Resize

Levels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def read() -> None:
    X, y = load_fer2013("fer2013.zip", return_X_y=True)
    assert_type(X, Levels)
    assert_type(y, Labels)
    load_fer2013(Path("fer2013.zip"), subset="public_test", on_error="skip").images.mean()
    assert_type(make_faces(700, random_state=0, return_X_y=True), tuple[Levels, Labels])
    assert_type(load_affectnet("affectnet", return_X_y=True), tuple[Levels, Labels])
    assert_type(load_image_folder("faces", image_size=48, return_X_y=True), tuple[Levels, Labels])
    load_ferplus("fer2013.csv", "fer2013new.csv").soft_targets.sum(axis=1)
    assert_type(validation_split(X, y, groups=find_duplicates(X)), tuple[Labels, Labels])
    class_balance(y)["n"].sum()


def predict(X: Levels) -> None:
    clf = MobileNetFER.from_pretrained("fer2013")
    assert_type(clf, MobileNetFER)
    assert_type(clf.predict_proba(X), NDArray[np.float64])
    assert_type(clf.transform(X), NDArray[np.float32])
    assert_type([EMOTIONS[label] for label in clf.predict(X)], list[str])
    assert_type(clf.n_parameters_, int)
    clf.save("faces.safetensors", dtype="float16")
    assert_type(ferkit.load("faces.safetensors"), BaseFER)
    assert_type(ferkit.available_weights(), dict[str, list[str]])


def train(X: Levels, y: Labels, votes: NDArray[np.float32]) -> None:
    resnet = ResNetFER(max_epochs=10, augment="reference", random_state=0, verbose=2).fit(X, y)
    assert_type(resnet, ResNetFER)
    resnet.fit(X[20:], y[20:], X_val=X[:20], y_val=y[:20], soft_targets=votes)
    resnet.fit([[0.0, 0.5], [0.5, 1.0]], ["happy", "sad"]).predict(torch.zeros(2, 48, 48))
    LargeFER(architecture="resmasking", lr_schedule="onecycle", class_weight={0: 2.0, 1: 1.0})
    VGG16FER(weights="imagenet", freeze="reference", channels=3, tta="flip")
    MobileNetFER(
        sampler=AugmentedOverSampler(sampling_strategy=at_least(4000)), augment=Policy(flip=0.5)
    )
    MobileNetFER(teacher=["large.safetensors", Path("resnet.safetensors")], image_shape=X.shape[1:])
    PoolOverSampler(ImagePool(X, y), sampling_strategy={1: 4000}).fit_resample(X, y)
    assert_type(Resize(32).fit(X), Resize)
    assert_type(PixelRows().fit(X).transform(X), NDArray[np.float32])


def space(trial: optuna.Trial) -> dict[str, Any]:
    return {**default_space(trial), "ema_decay": trial.suggest_float("ema", 0.9, 0.999)}


def choose(resnet: ResNetFER, X: Levels, y: Labels) -> None:
    search = FERSearchCV(resnet, n_trials=30, cv=3, random_state=0, verbose=1).fit(X, y)
    assert_type(search, FERSearchCV)
    assert_type(search.predict_proba(X), NDArray[np.float64])
    FERSearchCV(resnet, space, pruner=optuna.pruners.NopPruner(), storage="sqlite:///search.db")
    configs = {name: ResNetFER(**params) for name, params in reference_configs("resnet").items()}
    compare(configs, X, y, X_test=X, y_test=y, seeds=range(3), out="runs")
    MobileNetFER(**parse_config("adam_lr3_drop15_wd1e4")).set_params(
        **tune_prediction(resnet, X, y)
    )


def judge(clf: MobileNetFER, X: Levels, y: Labels) -> None:
    assert_type(fer_report(clf, X, y, X_train=X), FERReport)
    assert_type(expected_calibration_error(y, clf.predict_proba(X)), float)
    assert_type(HistoryDisplay.from_estimator({"mobilenet": clf}, panels=["loss"]), HistoryDisplay)
    assert_type(SaliencyDisplay.from_estimator(clf, X[:4]), SaliencyDisplay)
    EmbeddingDisplay.from_estimator(clf, X, y, method="pca", n_components=3)
    assert_type(grad_cam(clf, X), NDArray[np.float32])


def deploy(clf: MobileNetFER, X: Levels, y: Labels) -> None:
    export_onnx(clf, "faces.onnx", quantize="int8", calibration=X[:200], X_val=X, y_val=y)
    onnx = OnnxFER("faces.onnx")
    predict_photo(onnx, "party.jpg", detector=FaceDetector(min_size=20))["label"]
    for prediction in predict_files(clf, ["party.jpg", Path("holidays")]):
        assert_type(prediction.error, str | None)


def compute(clf: MobileNetFER) -> None:
    images = torch.rand(4, 1, 48, 48)
    assert_type(resolve_policy("reference")(images), torch.Tensor)
    assert_type(count_parameters(MobileNetV2_48(in_channels=1)), int)
    assert_type(clf.module_, torch.nn.Module)
