"""QR symbols are those of the standard: another encoder puts each module where ours does."""

import pytest
import qrcode
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

from shared import qr_symbols

QUIET_ZONE = 4
LEVELS = {"M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q}
TEXTS = {
    "of a ticket": "K3.ABCDEFGHIJKLMNOPQRSTUVWXYZ.234567" * 6,
    "of an address": "otpauth://totp/Karcis:siti%40example.com?secret=AB",
}


def drawn(symbol):
    rows = [[False] * symbol.size for _ in range(symbol.size)]
    for row, column, width in symbol.dark_runs():
        rows[row][column : column + width] = [True] * width
    return rows


def elsewhere(text, level, mask):
    code = qrcode.QRCode(error_correction=LEVELS[level], border=QUIET_ZONE, mask_pattern=mask)
    code.add_data(text)
    return code.get_matrix()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_it_is_what_another_encoder_makes_with_one_of_the_eight_masks(text, level):
    assert drawn(qr_symbols.symbol(text, level)) in [elsewhere(text, level, mask) for mask in range(8)]
