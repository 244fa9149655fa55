"""Surfaces as files that other programs read: STL for printing, PLY with a colour, GLB with all classes.

Sources: the Stereolithography Interface Specification, 3D Systems 1988; Turk, "The PLY polygon file format", 1994;
Khronos, "glTF 2.0 specification", ISO/IEC 12113:2022.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.errors import UserError, unknown
from pixelwise.files import replacing
from pixelwise.labels import Color, LabelMap
from pixelwise.volumes.mesh import Mesh

METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}  # in one of each unit

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
COLORED = np.dtype([("place", "<f4", 3), ("color", "u1", 3)])
FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])

# The numbers of glTF.
FLOAT, UNSIGNED_INT = 5126, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963


def write_stl(path: Path, mesh: Mesh, *, unit: str = "mm") -> None:
    """Binary STL. The unit stands in its header, which programs do not read: most take it for mm.

    Raises UserError for an empty mesh, a unit that is not in METRES, and a place that cannot be written.
    """
    _check([mesh], path, unit)
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles = np.zeros(len(mesh.faces), TRIANGLE)
    triangles["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    triangles["corners"] = corners
    header = f"pixelwise; unit: {unit}".encode().ljust(80)
    _write(path, header + struct.pack("<I", len(triangles)) + triangles.tobytes())


def write_ply(path: Path, mesh: Mesh, color: Color, *, unit: str = "mm") -> None:
    """Binary PLY, every vertex in the colour (RGB in [0, 255]). The unit stands in a comment.

    Raises UserError as `write_stl` does.
    """
    _check([mesh], path, unit)
    vertices, faces = np.zeros(len(mesh.vertices), COLORED), np.zeros(len(mesh.faces), FACE)
    vertices["place"], vertices["color"] = mesh.vertices, color
    faces["count"], faces["corners"] = 3, mesh.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment unit: {unit}",
        f"element vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    _write(path, "\n".join(header).encode() + vertices.tobytes() + faces.tobytes())


def write_glb(path: Path, meshes: Mapping[str, Mesh], labels: LabelMap, *, unit: str = "mm") -> None:
    """Binary glTF 2.0: one named mesh per class, in its colour; empty meshes are left out.

    unit: of the meshes. glTF knows metres and has y up, so each node says how its mesh is scaled and turned.
    Raises UserError for a name that is no class, where all meshes are empty, and as `write_stl` does.
    """
    shown = {name: mesh for name, mesh in meshes.items() if len(mesh.faces)}
    _check(list(shown.values()), path, unit)
    scene = _Scene()
    for name, mesh in shown.items():
        scene.add(name, mesh, labels.colors[labels.index(name)], METRES[unit])
    document = json.dumps(scene.document(unit)).encode()
    chunks = _chunk(b"JSON", document, b" ") + _chunk(b"BIN\0", bytes(scene.binary), b"\0")
    _write(path, b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)


class _Scene:
    """A glTF document while it grows: its lists refer to one another by place."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.lists: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in ("nodes", "meshes", "materials", "accessors", "bufferViews")
        }

    def add(self, name: str, mesh: Mesh, color: Color, scale: float) -> None:
        vertices = mesh.vertices.astype("<f4")
        extent = {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
        primitive = {
            "attributes": {
                "POSITION": self._array(vertices, {"type": "VEC3", "componentType": FLOAT, **extent}, ARRAY_BUFFER),
                "NORMAL": self._array(
                    mesh.normals.astype("<f4"), {"type": "VEC3", "componentType": FLOAT}, ARRAY_BUFFER
                ),
            },
            "indices": self._array(
                mesh.faces.astype("<u4").ravel(),
                {"type": "SCALAR", "componentType": UNSIGNED_INT},
                ELEMENT_ARRAY_BUFFER,
            ),
            "material": len(self.lists["materials"]),
        }
        surface = {"baseColorFactor": [*_linear(color), 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
        self.lists["materials"].append({"name": name, "pbrMetallicRoughness": surface})
        self.lists["nodes"].append(
            # Half a turn about x: rows run down and slices away from us, glTF's y runs up and its z towards us.
            {"name": name, "mesh": len(self.lists["meshes"]), "scale": [scale] * 3, "rotation": [1.0, 0.0, 0.0, 0.0]}
        )
        self.lists["meshes"].append({"name": name, "primitives": [primitive]})

    def document(self, unit: str) -> dict[str, Any]:
        return {
            "asset": {"version": "2.0", "generator": "pixelwise", "extras": {"unit": unit}},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self.lists["nodes"])))}],
            "buffers": [{"byteLength": len(self.binary)}],
            **self.lists,
        }

    def _array(self, values: np.ndarray, accessor: dict[str, Any], target: int) -> int:
        """Its place among the accessors. All arrays are of 4 bytes a number, so each starts at a multiple of 4."""
        self.lists["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes, "target": target}
        )
        self.binary += values.tobytes()
        self.lists["accessors"].append(
            {"bufferView": len(self.lists["bufferViews"]) - 1, "count": len(values), **accessor}
        )
        return len(self.lists["accessors"]) - 1


def _linear(color: Color) -> list[float]:
    """sRGB in [0, 255] -> the linear light in [0, 1] that glTF's colours are in. Source: IEC 61966-2-1:1999."""
    values = np.array(color) / 255
    return [float(value) for value in np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)]


def _chunk(kind: bytes, content: bytes, filler: bytes) -> bytes:
    """With its length and kind before it, filled up to a multiple of 4 bytes."""
    content += filler * (-len(content) % 4)
    return struct.pack("<I", len(content)) + kind + content


def _check(meshes: list[Mesh], path: Path, unit: str) -> None:
    if unit not in METRES:
        raise unknown("unit", unit, METRES)
    if not any(len(mesh.faces) for mesh in meshes):
        raise UserError(f"{path}: there is no surface to write; choose a class that occurs in the stack")


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
