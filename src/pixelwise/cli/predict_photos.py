"""pixelwise predict: photos, one after the other, and what became of each."""

import json
import sys
from collections.abc import Iterator, Mapping

from pixelwise.cli.predict_video import Told
from pixelwise.cli.show_predict import line_of, show_photos
from pixelwise.errors import UserError
from pixelwise.prediction.files import Photo
from pixelwise.prediction.many_photos import ManyPhotos
from pixelwise.progress import say


def predict_photos(
    many: ManyPhotos, photos: Mapping[str, Photo], told: Told, *, again: bool, as_json: bool, json_lines: bool
) -> None:
    """Labels photos and prints what became of them. told: what became of films.

    Raises UserError in the end where some could not be labelled.
    """
    done = many.start(photos, again=again)
    if done:
        say(f"{len(done)} of {len(photos)} photos are done already and left as they are; --again labels them anew")
    shares, failed = {}, {}
    for name, found in _labelled(many, photos, done):
        if isinstance(found, str):
            failed[name] = found
        else:
            shares[name] = found
        if json_lines:
            print(json.dumps(line_of(many, name, photos[name], found) | {"before": name in done}), flush=True)
    many.finish(photos)
    shares = {name: shares[name] for name in photos if name in shares}
    if as_json and not json_lines:
        failures = [*told.failed, *failed.values()]
        print(json.dumps({"output": str(many.folder), "photos": shares, **told.json, "failed": failures}))
    elif not json_lines:
        show_photos(shares, many.done_to_photos, many.folder, before=done)
    if failed:
        print("\n".join(failed.values()), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(photos)} photos could not be labelled")


def _labelled(
    many: ManyPhotos, photos: Mapping[str, Photo], done: Mapping[str, dict[str, float]]
) -> Iterator[tuple[str, dict[str, float] | str]]:
    """The name of every photo with the shares of its classes, or with what is wrong with it; first what is done."""
    yield from ((name, done[name]) for name in photos if name in done)
    new = {name: photo for name, photo in photos.items() if name not in done}
    for name, found in many.label_all(new):
        yield name, found if isinstance(found, str) else found.shares
