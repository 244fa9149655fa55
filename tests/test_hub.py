"""Models on the hub: pushed, loaded, refused. huggingface_hub is the real one; the hub is one on this machine."""

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from command_line import pixelwise, refused
from hub_server import READER, WRITER, StandIn
from small_models import tiny_bundle, tiny_network, write_squeezenet

import pixelwise as pw
from pixelwise.errors import UserError
from pixelwise.labels import LabelMap
from pixelwise.models.pretrained import load_pretrained
from pixelwise.report.model_card import model_card

PLACE = "hf://me/streets"
# Of huggingface_hub, when it uploads a large file as it did before xet.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def tiny_model() -> pw.Model:
    return pw.Model(tiny_bundle())


def tiny_bytes(folder: Path) -> bytes:
    tiny_model().save(folder / "tiny.safetensors")
    return (folder / "tiny.safetensors").read_bytes()


def line(*words: object) -> str:
    """What `pixelwise predict` says of a model on the hub that it cannot use."""
    return refused("predict", *words, "street.jpg")


# Push and load --------------------------------------------------------------------------------------------------------


def test_what_is_pushed_comes_back_byte_for_byte_and_labels_alike(own_hub: StandIn, tmp_path: Path) -> None:
    model = tiny_model()
    where = model.push_to_hub("me/streets", message="the first")
    loaded = pw.load(PLACE)
    assert loaded.file
    assert loaded.file.read_bytes() == tiny_bytes(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(loaded.predict(image).label, model.predict(image).label)
    (commit,) = (oid for oid, files in own_hub.repositories["me/streets"].commits.items() if "README.md" in files)
    assert where == f"{PLACE}@{commit}"
    assert set(own_hub.repositories["me/streets"].commits[commit]) == {
        ".gitattributes",
        "README.md",
        "model.safetensors",
    }
    assert own_hub.repositories["me/streets"].messages == ["initial commit", "the first"]


def test_nothing_but_the_model_is_downloaded_and_no_second_time(own_hub: StandIn) -> None:
    tiny_model().push_to_hub("me/streets")
    own_hub.asked.clear()
    pw.load(PLACE)
    pw.load(PLACE)
    fetched = [asked for asked in own_hub.asked if asked.startswith("GET")]
    assert len(fetched) == 1, own_hub.asked
    assert all("README" not in asked for asked in own_hub.asked)


def test_a_branch_a_commit_and_half_the_size(own_hub: StandIn) -> None:
    first = tiny_model().push_to_hub("me/streets")
    other = pw.Model(tiny_bundle(LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))))
    other.push_to_hub("me/streets", revision="two-classes", half=True)
    assert len(pw.load(PLACE).labels) == len(pw.load(first).labels) == 11
    halved = pw.load(f"{PLACE}@two-classes")
    assert halved.labels.names == ("road", "car")
    other.push_to_hub("me/streets")
    assert len(pw.load(PLACE).labels) == 2  # the newest
    assert len(pw.load(first).labels) == 11  # the very same


def test_a_private_repository_needs_a_token(own_hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_model().push_to_hub("me/streets", private=True)
    assert own_hub.repositories["me/streets"].private
    monkeypatch.setenv("HF_TOKEN", "")
    said = line(PLACE)
    assert "me/streets: there is no such repository on the hub, or your token may not see it" in said
    assert "hf auth login" in said
    monkeypatch.setenv("HF_TOKEN", "hf_stale")
    assert "the hub does not allow that to your token" in line(PLACE)
    assert "hf_stale" not in line(PLACE)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    assert len(pw.load(PLACE).labels) == 11


def test_what_is_asked_to_be_private_is_not_sent_where_all_can_see_it(own_hub: StandIn) -> None:
    tiny_model().push_to_hub("me/streets")
    own_hub.asked.clear()
    with pytest.raises(UserError, match="is public already; make it private on its page"):
        tiny_model().push_to_hub("me/streets", private=True)
    assert not [asked for asked in own_hub.asked if "commit" in asked or asked.startswith("PUT")]


def test_what_was_downloaded_is_there_without_a_network(own_hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_model().push_to_hub("me/streets")
    pw.load(PLACE)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # where nothing answers
    assert len(pw.load(PLACE).labels) == 11
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert len(pw.load(PLACE).labels) == 11
    with pytest.raises(UserError, match=r"^me/other: nothing could be reached at http://127\.0\.0\.1:9 .*mend the net"):
        pw.load("hf://me/other")


# The commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_hub")
def test_the_commands_take_a_model_on_the_hub(
    small_run: Path, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pw.load(small_run).push_to_hub("me/streets")
    assert pixelwise("predict", PLACE, small_folder, "--output", "labelled").code == 0
    assert list(Path("labelled").rglob("*_overlay.png"))
    assert pixelwise("evaluate", PLACE, small_folder).code == 0
    compared = pixelwise("compare", PLACE, small_run, "--data", small_folder, "--no-speed")
    assert compared.code == 0
    assert "me/streets" in compared.out


@pytest.mark.usefixtures("own_hub")
def test_training_goes_on_from_a_model_on_the_hub() -> None:
    model = tiny_model()
    model.push_to_hub("hf://me/streets")
    network = tiny_network()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    assert load_pretrained(network, PLACE) == 0
    assert all(map(torch.equal, network.state_dict().values(), model.bundle.network.state_dict().values()))


# What goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["hf://", "hf://me", "hf://me/a/b", "hf://me/a@", "hf://me/a@../b", "hf://me/a@b c"])
def test_what_names_no_repository_is_refused_before_anything_is_asked(own_hub: StandIn, place: str) -> None:
    assert line(place) == (
        f"pixelwise: {place}: names no model on the hub; give hf://USER/NAME or hf://USER/NAME@REVISION"
    )
    assert own_hub.asked == []


def test_what_is_not_there_is_told_in_one_line(own_hub: StandIn) -> None:
    own_hub.put("you/pickled", {"pytorch_model.bin": b"\x80never asked for"})
    assert "you/none: there is no such repository on the hub, or your token may not see it" in line("hf://you/none")
    assert "you/pickled: holds no model.safetensors" in line("hf://you/pickled")
    assert "you/pickled: has no revision v9; give a branch" in line("hf://you/pickled@v9")
    assert "a--b/c: is no name that the hub allows" in line("hf://a--b/c")


def test_a_hostile_file_is_one_line_and_is_never_unpickled(own_hub: StandIn, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    whole = tiny_bytes(tmp_path)
    files = {"pickle": pickle.dumps(Trap()), "short": whole[:-1000], "header": whole[:40], "none": b""}
    for name, content in files.items():
        own_hub.put(f"you/{name}", {"model.safetensors": content})
        said = line(f"hf://you/{name}")
        assert f"hf://you/{name}: is no model that can be used: " in said
        assert "is not a whole safetensors file" in said
    assert not (tmp_path / "sprung").exists()


def test_weights_that_pixelwise_did_not_write_say_so(own_hub: StandIn, tmp_path: Path) -> None:
    write_squeezenet(tmp_path / "other.safetensors")
    own_hub.put("you/other", {"model.safetensors": (tmp_path / "other.safetensors").read_bytes()})
    assert "holds weights, but was not written by pixelwise" in line("hf://you/other")


def test_nothing_is_sent_without_a_token_or_the_right_to(own_hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^you/streets: the hub does not allow that to your token"):
        tiny_model().push_to_hub("you/streets")
    with pytest.raises(UserError, match=r"^me/streets: the hub does not allow that to your token"):
        tiny_model().push_to_hub("me/streets", token=READER)
    own_hub.asked.clear()
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(UserError, match=r"^me/streets: there is no token, .* run `hf auth login`, or set HF_TOKEN$"):
        tiny_model().push_to_hub("me/streets")
    with pytest.raises(UserError, match="names no model on the hub"):
        tiny_model().push_to_hub("streets")
    assert own_hub.asked == []


def test_a_push_that_reaches_nothing_or_is_refused_is_one_line(
    own_hub: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r'^me/streets: the hub does not take it .*"license" must be one of') as caught:
        tiny_model().push_to_hub("me/streets", license="nonsense")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"^me/streets: nothing could be reached at http://127\.0\.0\.1:9 \(ConnectErr"):
        tiny_model().push_to_hub("me/streets")


def test_a_missing_huggingface_hub_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert line(PLACE).endswith("run `pip install 'pixelwise[hub]'`")


# The card -------------------------------------------------------------------------------------------------------------


def test_the_card_of_a_run_says_what_was_measured_and_the_hub_can_read_it(small_run: Path) -> None:
    from huggingface_hub import ModelCard

    model = pw.load(small_run)
    card = ModelCard(model_card(model.bundle, "me/streets", license="cc-by-4.0", per_class=model._per_class()))
    assert card.data.to_dict()["library_name"] == "pixelwise"
    assert card.data.pipeline_tag == "image-segmentation"
    assert card.data.license == "cc-by-4.0"
    assert card.data.tags == ["pixelwise", "semantic-segmentation", "unet"]
    results = {result.metric_name: result for result in card.data.eval_results or []}
    scores = {name: value for name, value in model.bundle.scores.items() if isinstance(value, float)}
    shown = {name: value for name, value in scores.items() if not np.isnan(value)}
    assert {name: results[name].metric_value for name in shown} == pytest.approx(shown, abs=1e-4)
    assert results["mean IoU"].metric_type == "mean_iou"
    assert (results["mean IoU"].dataset_name, results["mean IoU"].dataset_split) == ("small_streets", "val")
    assert 'pw.load("hf://me/streets")' in card.text
    assert "val split, 2 images; one confusion matrix over all pixels" in card.text
    assert "The same images chose the best of the validations" in card.text
    road = model._per_class()["Road"]["IoU"]
    assert f"| Road | `#804080` | {road:.3f} |" in card.text
    recipe = yaml.safe_load(card.text.split("```yaml\n")[1].split("```")[0])
    assert (recipe["model"], recipe["steps"]) == ("unet", 6)


def test_classes_are_not_given_the_scores_of_another_evaluation(small_run: Path, tmp_path: Path) -> None:
    model = pw.load(small_run)
    assert model._per_class()
    model.bundle.scores["conditions"] |= {"split": "test"}
    assert model._per_class() == {}
    assert tiny_model()._per_class() == {}
    model.run = tmp_path
    assert model._per_class() == {}


def test_a_path_of_the_trainers_disk_is_not_on_the_card(small_run: Path) -> None:
    bundle = pw.load(small_run).bundle
    bundle.provenance["recipe"]["weights"] = "/home/ann/secret/start.safetensors"
    card = model_card(bundle, "me/streets")
    assert "ann" not in card.split("## Recipe")[1]
    assert "weights: start.safetensors" in card


def test_only_data_of_the_hub_is_linked_as_such() -> None:
    from huggingface_hub import ModelCard

    bundle = tiny_bundle()
    assert ModelCard(model_card(bundle, "me/streets")).data.datasets is None
    bundle.provenance["data"] = "segments/sidewalk-semantic"
    assert ModelCard(model_card(bundle, "me/streets")).data.datasets == ["segments/sidewalk-semantic"]


def test_the_card_of_a_model_that_tells_little_or_nonsense_is_whole() -> None:
    from huggingface_hub import ModelCard

    bundle = tiny_bundle(LabelMap(("a|b", "<img src=x>\n---"), ((1, 2, 3), (4, 5, 6))))
    told = (
        ({}, {}),
        ({"conditions": "nonsense", "mean IoU": 0.5}, {"recipe": 3, "environment": 4, "data": "x: |\n---"}),
        (
            {
                "conditions": {
                    "data": "a",
                    "split": "b",
                    "images": 1,
                    "model": "c",
                    "working_size": None,
                    "protocol": "d",
                }
            },
            {},
        ),
    )
    for scores, provenance in told:
        bundle.scores, bundle.provenance = scores, provenance
        card = ModelCard(model_card(bundle, "me/streets"))
        assert card.data.eval_results is None
        assert "| a\\|b | `#010203` |\n| \\<img src=x> --- | `#040506` |\n" in card.text
    bundle.scores = {}
    assert "None are known. `pixelwise evaluate hf://me/streets DATA`" in model_card(bundle, "me/streets")


@pytest.mark.parametrize(("paints", "task"), [("photo", "image-to-image"), ("label", "image-segmentation")])
def test_the_card_of_a_painter_shows_how_it_paints(paints: str, task: str) -> None:
    bundle = tiny_bundle()
    bundle.network = tiny_network("pix2pix_128", paints=paints)
    bundle.model = "pix2pix_128"
    card = model_card(bundle, "me/painter")
    assert f"pipeline_tag: {task}" in card
    assert ('model.paint("label.png")' in card) == (paints == "photo")
