"""The pictures behind the titles of the demo events' banners, each drawn from a few shapes in the event's colours."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image, ImageDraw

WIDTH: Final = 1600
HEIGHT: Final = 900
_STEP: Final = 8

Colour = tuple[int, int, int]
Motif = Callable[[Image.Image, Sequence[Colour]], None]


def colour(code: str) -> Colour:
    """The colour that is written so, as `#ff8800`."""
    return (int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16))


def gradient(size: tuple[int, int], colours: Sequence[Colour], *, degrees: float = 90) -> Image.Image:
    """A picture that goes from colour to colour: downwards, or turned by so many degrees."""
    turn = math.radians(degrees)
    small = Image.new("RGB", (48, 48))
    reach = abs(math.cos(turn)) + abs(math.sin(turn))
    for x in range(48):
        for y in range(48):
            along = ((x / 47 - 0.5) * math.cos(turn) + (y / 47 - 0.5) * math.sin(turn)) / reach + 0.5
            small.putpixel((x, y), _between(colours, along))
    return small.resize(size, Image.Resampling.BICUBIC)


def sunset(image: Image.Image, colours: Sequence[Colour]) -> None:
    """A striped sun behind a city."""
    width, height = image.size
    sky, glow, sun, city = colours
    image.paste(gradient(image.size, [sky, glow]))
    draw = ImageDraw.Draw(image)
    x, y, radius = width * 0.7, height * 0.52, height * 0.34
    disc = Image.new("L", image.size, 0)
    cut = ImageDraw.Draw(disc)
    cut.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    for stripe in range(6):
        top = y + radius * (0.1 + 0.15 * stripe)
        cut.rectangle((x - radius, top, x + radius, top + radius * (0.02 + 0.012 * stripe)), fill=0)
    image.paste(sun, mask=disc)
    chance, left = _chance(7), 0.0
    while left < width:
        broad, tall = chance.uniform(0.03, 0.07) * width, chance.uniform(0.08, 0.3) * height
        draw.rectangle((left, height - tall, left + broad, height), fill=city)
        left += broad + chance.uniform(0, 0.006) * width


def mountains(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Ridges in the haze, one before the other."""
    width, height = image.size
    sky, haze, near = colours
    image.paste(gradient(image.size, [sky, haze]))
    _disc(ImageDraw.Draw(image), width * 0.78, height * 0.3, height * 0.11, _between([haze, (255, 255, 255)], 0.7))
    chance = _chance(3)
    for ridge in range(6):
        foot, rise = height * (0.42 + 0.1 * ridge), height * (0.17 - 0.012 * ridge)
        phases = [chance.uniform(0, 6.3) for _ in range(3)]
        line = [
            foot - rise * (_wave(x / width * 7, phases[0]) + _wave(x / width * 17, phases[1]) / 3)
            for x in _columns(image)
        ]
        _fill_below(image, line, _between([haze, near], (ridge + 1) / 6))


def sea(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Waves under a moon."""
    width, height = image.size
    night, light, deep = colours
    image.paste(gradient(image.size, [night, light]))
    _disc(ImageDraw.Draw(image), width * 0.74, height * 0.34, height * 0.2, _between([light, (255, 255, 255)], 0.75))
    for wave in range(7):
        foot, length = height * (0.5 + 0.075 * wave), width / (5 - wave * 0.3)
        line = [
            foot + height * 0.028 * _wave(x / length * 2 * math.pi, wave * 0.37 * 2 * math.pi) for x in _columns(image)
        ]
        _fill_below(image, line, _between([light, deep], (wave + 1) / 7))


def rays(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Beams from a point below, and confetti."""
    width, height = image.size
    dark, bright, *confetti = colours
    image.paste(dark, (0, 0, width, height))
    draw = ImageDraw.Draw(image)
    x, y, far = width * 0.68, height * 1.02, width * 1.3
    for beam in range(0, 36, 2):
        one, other = (math.pi * (1 + edge / 36) for edge in (beam, beam + 1))
        ends = [(x + far * math.cos(angle), y + far * math.sin(angle)) for angle in (one, other)]
        draw.polygon([(x, y), *ends], fill=bright)
    chance = _chance(11)
    for _ in range(70):
        across, down = chance.uniform(0.3, 1) * width, chance.uniform(0, 0.75) * height
        _disc(draw, across, down, chance.uniform(0.004, 0.014) * width, chance.choice(confetti))


def halftone(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Dots that grow towards a corner."""
    width, height = image.size
    ground, deeper, dots = colours
    image.paste(gradient(image.size, [ground, deeper], degrees=30))
    draw = ImageDraw.Draw(image)
    step = width / 34
    for row in range(int(height / step) + 2):
        for column in range(36):
            x, y = (column + row % 2 / 2) * step, row * step
            near = max(0.0, 1.15 - math.hypot(width - x, y - height * 0.2) / (width * 0.72))
            if near:
                _disc(draw, x, y, step * 0.5 * near, _between([deeper, dots], min(near, 1)))


def tiles(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Quarter circles on a board."""
    width, height = image.size
    image.paste(colours[0], (0, 0, width, height))
    draw = ImageDraw.Draw(image)
    chance, side = _chance(21), width / 8
    for row in range(math.ceil(height / side)):
        for column in range(8):
            ground, shape = chance.sample(list(colours[1:]), 2)
            left, top = column * side, row * side
            draw.rectangle((left, top, left + side, top + side), fill=ground)
            quarter = chance.randrange(4)
            x, y = left + side * (quarter % 2), top + side * (quarter // 2)
            begin = {0: 0, 1: 90, 3: 180, 2: 270}[quarter]
            draw.pieslice((x - side, y - side, x + side, y + side), begin, begin + 90, fill=shape)


def lights(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Spotlights that meet on a stage."""
    width, height = image.size
    dark, deeper, *beams = colours
    image.paste(gradient(image.size, [dark, deeper]))
    for place, (origin, beam) in enumerate(zip((0.3, 0.62, 0.96), beams, strict=True)):
        cone = Image.new("L", image.size, 0)
        aim = width * (0.6 + 0.08 * place)
        spread = width * 0.16
        ends = [(aim - spread, height * 0.9), (aim + spread, height * 0.9)]
        ImageDraw.Draw(cone).polygon([(width * origin, -height * 0.1), *ends], fill=120)
        ImageDraw.Draw(cone).ellipse((aim - spread, height * 0.84, aim + spread, height * 0.96), fill=190)
        image.paste(beam, mask=cone)


def rings(image: Image.Image, colours: Sequence[Colour]) -> None:
    """Circles that cover each other, as cups leave them on a table."""
    width, height = image.size
    ground, *glazes = colours
    image.paste(ground, (0, 0, width, height))
    chance = _chance(5)
    for number in range(12):
        x, y = chance.uniform(0.3, 1.05) * width, chance.uniform(-0.1, 1.1) * height
        radius = chance.uniform(0.07, 0.2) * width
        glaze = Image.new("L", image.size, 0)
        draw = ImageDraw.Draw(glaze)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=150)
        if number % 2:
            inner = radius * 0.62
            draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=0)
        image.paste(glazes[number % len(glazes)], mask=glaze)


def horizon(image: Image.Image, colours: Sequence[Colour]) -> None:
    """A grid that runs to the horizon."""
    width, height = image.size
    top, glow, floor, line = colours
    sky = int(height * 0.58)
    image.paste(floor, (0, 0, width, height))
    image.paste(gradient((width, sky), [top, glow]))
    draw = ImageDraw.Draw(image)
    for row in range(1, 14):
        y = sky + (height - sky) * (row / 13) ** 2
        draw.line((0, y, width, y), fill=line, width=max(2, width // 500))
    for column in range(-14, 15):
        draw.line(
            (width * (0.66 + column * 0.03), sky, width * (0.66 + column * 0.24), height),
            fill=line,
            width=max(2, width // 500),
        )


def reels(image: Image.Image, colours: Sequence[Colour]) -> None:
    """A strip of film across the picture."""
    width, height = image.size
    dark, deeper, light = colours
    image.paste(gradient(image.size, [dark, deeper], degrees=45))
    strip = Image.new("RGBA", (int(width * 1.3), int(height * 0.46)), (*deeper, 255))
    draw = ImageDraw.Draw(strip)
    step = strip.width / 9
    for frame in range(9):
        shade = _between([dark, light], 0.25 + 0.75 * ((frame * 4) % 9) / 8)
        box = (frame * step + step * 0.06, strip.height * 0.2, (frame + 0.94) * step, strip.height * 0.8)
        draw.rounded_rectangle(box, step * 0.06, fill=shade)
        for hole in range(4):
            left = frame * step + step * (0.08 + 0.25 * hole)
            for top in (0.06, 0.86):
                box = (left, strip.height * top, left + step * 0.1, strip.height * (top + 0.08))
                draw.rounded_rectangle(box, step * 0.02, fill=light)
    turned = strip.rotate(24, Image.Resampling.BICUBIC, expand=True)
    image.paste(turned, (int(width * 0.04), int(-height * 0.36)), turned)


def _chance(seed: int) -> random.Random:
    """A random source that is the same in every run."""
    return random.Random(seed)  # noqa: S311 - nothing secret


def _wave(at: float, phase: float) -> float:
    return math.sin(at + phase)


def _columns(image: Image.Image) -> range:
    """The places across a picture at which an outline has a corner."""
    return range(0, image.width + _STEP, _STEP)


def _fill_below(image: Image.Image, line: Sequence[float], fill: Colour) -> None:
    """Fill everything below an outline, which is given by its height at each of the columns."""
    corners = [(0, image.height), *zip(_columns(image), line, strict=True), (image.width, image.height)]
    ImageDraw.Draw(image).polygon(corners, fill=fill)


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Colour) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _between(colours: Sequence[Colour], along: float) -> Colour:
    """The colour so far along the way from the first to the last, 0 to 1."""
    place = min(max(along, 0), 1) * (len(colours) - 1)
    index = min(int(place), len(colours) - 2)
    part = place - index
    red, green, blue = (
        round(one + (other - one) * part) for one, other in zip(colours[index], colours[index + 1], strict=True)
    )
    return (red, green, blue)
