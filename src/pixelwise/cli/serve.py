"""pixelwise serve"""

import sys
from contextlib import closing
from typing import Annotated

import typer

from pixelwise.cli.options import Device

EXAMPLE = "Example:  pixelwise serve street"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(serve)


def serve(  # noqa: PLR0913 - one parameter per option
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Model files, run folders, or `street`.")],
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8000,
    token: Annotated[
        str, typer.Option(envvar="PIXELWISE_TOKEN", show_default=False, help="Which requests must bear.")
    ] = "",
    queue: Annotated[int, typer.Option(min=1, help="Photos that may wait or be worked on at once.")] = 32,
    megabytes: Annotated[float, typer.Option(min=0.001, help="Of one upload, at most (MiB).")] = 32,
    megapixels: Annotated[float, typer.Option(min=0.001, help="Of one photo, at most.")] = 40,
    check: Annotated[
        bool, typer.Option("--check", help="Load the models, look whether it could listen, stop.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Label photos over HTTP, with a page for people.

    The first MODEL is the one that requests get which name none. Only this machine reaches the server unless --host
    says otherwise; say --token then.
    """
    from pixelwise.serving import check_installed

    check_installed()
    from pixelwise.serving import server
    from pixelwise.serving.limits import Limits

    limits = Limits(bytes=int(megabytes * 2**20), pixels=int(megapixels * 1e6), queue=queue)
    with closing(server.bind(host, port)) as place:
        bundles = server.load_models(models, device)
        if not token and not server.is_loopback(place):
            print(
                "pixelwise: whoever reaches this machine may use the server; --token keeps others out", file=sys.stderr
            )
        print(f"serving {', '.join(bundles)} at {server.url_of(place)} - Ctrl-C stops", flush=True)
        if not check:
            server.run(bundles, place, token, limits)
