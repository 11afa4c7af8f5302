"""The demo events: every state that a page about an event has to tell, at prices from Rp 0 to millions.

Konser Senja comes first in every list, with its gates open: README buys a ticket of it and scans it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from infra.local.demo import motifs
from infra.local.demo.artwork import Artwork
from infra.local.demo.dates import SATURDAY, SUNDAY, ahead
from infra.local.demo.motifs import Motif
from shared.catalog.events import NewEvent, Status
from shared.catalog.promo_codes import NewPromo
from shared.catalog.tiers import NewTier
from shared.cloud import clock

BALI: Final = "Asia/Makassar"
PAPUA: Final = "Asia/Jayapura"
ONE_PERSON: Final = "Tiket berlaku untuk satu orang. Bawa kartu identitas."


@dataclass(frozen=True)
class DemoEvent:
    """An event, what its banner shows, and what becomes of it.

    `units` are digital goods, by the name of their tier. `taken`: what has become of every seat.
    """

    new: NewEvent
    motif: Motif
    colours: tuple[str, ...]
    status: Status = "published"
    promos: tuple[NewPromo, ...] = ()
    units: tuple[tuple[str, tuple[str, ...]], ...] = ()
    taken: Literal["sold", "held"] | None = None

    @property
    def artwork(self) -> Artwork:
        """Its banner."""
        kicker = f"{self.new.category} · {self.new.location}"
        return Artwork(self.motif, self.colours, kicker, self.new.title)


def all_events() -> list[DemoEvent]:
    """The events, from today on."""
    return [
        concert(),
        market(),
        jazz(),
        race(),
        pottery(),
        listening_room(),
        films(),
        comedy(),
        coffee(),
        conference(),
        exhibition(),
        papua(),
        old_town(),
        first_rain(),
        kites(),
    ]


def concert() -> DemoEvent:
    """The one that README sells a ticket of."""
    start = ahead(15, 19, weekday=SATURDAY)
    new = NewEvent(
        title="Konser Senja di Istora",
        description="Satu malam bersama musisi pilihan, dari akustik sampai orkestra.",
        category="musik",
        location="Jakarta",
        venue="Istora Senayan",
        start_date=start,
        end_date=start + timedelta(hours=4),
        gates_open_at=clock.now(),
        capacity=1_000,
        terms="Pintu dibuka 17.30. Tiket berlaku untuk satu orang. Bawa kartu identitas.",
        tiers=[
            NewTier(name="Festival", price=150_000, quota=800, description="Berdiri, area depan panggung."),
            NewTier(name="VIP", price=450_000, quota=100, description="Duduk, baris A sampai D.", max_per_order=4),
            NewTier(name="Komunitas", price=0, quota=50, description="Gratis untuk relawan.", max_per_order=1),
        ],
    )
    code = NewPromo(code="SENJA10", percent=10, max_discount=50_000, max_uses=500)
    return DemoEvent(new, motifs.sunset, ("#2b1055", "#f2673a", "#ffd166", "#1a0b2e"), promos=(code,))


def market() -> DemoEvent:
    """Free, and with goods that are picked up."""
    start = ahead(23, 10, weekday=SATURDAY)
    new = NewEvent(
        title="Pasar Kreatif Braga",
        description=(
            "Dua hari, tujuh puluh meja: sablon, keramik, kopi, buku, dan tanaman. Ada panggung kecil setiap sore "
            "dan sudut gambar untuk anak-anak.\n\nMasuk gratis, cukup ambil tiket supaya kami tahu berapa yang datang."
        ),
        category="festival",
        location="Bandung",
        venue="Jalan Braga",
        start_date=start,
        end_date=start + timedelta(hours=34),
        capacity=6_000,
        terms="Tas belanja diambil di meja informasi dengan kode pengambilan.",
        tiers=[
            NewTier(name="Masuk Sabtu", price=0, quota=2_500, description="Gratis, satu tiket satu orang."),
            NewTier(name="Masuk Minggu", price=0, quota=2_500, description="Gratis, satu tiket satu orang."),
            NewTier(
                name="Tas kanvas Braga",
                kind="product",
                price=85_000,
                quota=300,
                description="Kanvas tebal, sablon tangan. Diambil di tempat.",
            ),
            NewTier(name="Kaus Braga", kind="product", price=165_000, quota=200, description="Katun, ukuran S–XXL."),
        ],
    )
    return DemoEvent(new, motifs.tiles, ("#f6e7cb", "#e4572e", "#17bebb", "#ffc914", "#2e282a", "#f6e7cb", "#76b041"))


def jazz() -> DemoEvent:
    """An event with an early-bird price that ends, and a table for millions; in Bali's zone."""
    start = ahead(30, 17, BALI, weekday=SATURDAY)
    early = ahead(10, 23.5, BALI)
    new = NewEvent(
        title="Jazz Tepi Sawah",
        description=(
            "Jazz di antara pematang, dari matahari turun sampai bulan naik. Delapan kelompok dari Bali, Jawa, dan "
            "Makassar, dua panggung, dan dapur warung sekitar.\n\nBawa alas duduk dan baju hangat: malam di Ubud sejuk."
        ),
        category="musik",
        location="Bali",
        venue="Taman Tepi Sawah, Ubud",
        start_date=start,
        end_date=start + timedelta(hours=6),
        timezone=BALI,
        capacity=2_000,
        terms=f"{ONE_PERSON} Acara tetap berlangsung bila gerimis.",
        tiers=[
            NewTier(
                name="Rumput",
                price=350_000,
                early_bird_price=275_000,
                early_bird_end=early,
                quota=1_500,
                description="Duduk di rumput, bebas berpindah.",
            ),
            NewTier(
                name="Kursi depan",
                price=950_000,
                early_bird_price=750_000,
                early_bird_end=early,
                quota=200,
                description="Kursi bernomor, lima baris terdepan.",
                max_per_order=4,
            ),
            NewTier(
                name="Meja delapan orang",
                price=12_500_000,
                quota=20,
                description="Satu meja, delapan kursi, makan malam lengkap.",
                max_per_order=1,
            ),
        ],
    )
    return DemoEvent(new, motifs.sea, ("#0b132b", "#3a7ca5", "#0a2239"))


def race() -> DemoEvent:
    """Asks for identity numbers, gives BIB numbers, and sells a jersey."""
    start = ahead(38, 5.5, weekday=SUNDAY)
    new = NewEvent(
        title="Lari Lembah Kabut",
        description=(
            "Lari lintas alam di kaki Bromo: sabana, hutan cemara, dan jalan setapak di atas awan. Setiap peserta "
            "mendapat nomor dada, gelang waktu, dan air di setiap lima kilometer."
        ),
        category="lari",
        location="Probolinggo",
        venue="Lapangan Sukapura",
        start_date=start,
        end_date=start + timedelta(hours=8),
        capacity=3_000,
        terms="Nama sesuai KTP atau paspor. Paket lomba diambil sehari sebelumnya. Usia 17 tahun ke atas.",
        tiers=[
            _category("21K", 525_000, 600, "Batas waktu 5 jam."),
            _category("10K", 375_000, 1_000, "Batas waktu 2 jam 30 menit."),
            _category("5K Keluarga", 225_000, 1_000, "Tanpa catatan waktu."),
            NewTier(
                name="Jersey Kabut",
                kind="product",
                price=210_000,
                quota=400,
                description="Ringan, cepat kering. Diambil bersama paket lomba.",
            ),
        ],
    )
    code = NewPromo(code="LARIBARENG", amount=50_000, applies_to="ticket", max_uses=200)
    return DemoEvent(new, motifs.mountains, ("#f9a26c", "#fbd3a2", "#1d3b53"), promos=(code,))


def _category(name: str, price: int, quota: int, description: str) -> NewTier:
    """A category of the race."""
    return NewTier(
        name=name, price=price, quota=quota, description=description, kind="registration", requires_identity=True
    )


def pottery() -> DemoEvent:
    """Sold out: a community has taken the whole class."""
    start = ahead(27, 9, weekday=SUNDAY)
    new = NewEvent(
        title="Kelas Keramik: Cangkir Pertama",
        description=(
            "Tiga jam di studio, dari bongkah tanah sampai cangkir yang siap dibakar. Semua bahan disediakan; hasilnya "
            "dikirim dua minggu kemudian."
        ),
        category="kelas",
        location="Yogyakarta",
        venue="Studio Tanah Liat, Prawirotaman",
        start_date=start,
        end_date=start + timedelta(hours=3),
        capacity=12,
        terms="Pakai baju yang boleh kotor.",
        tiers=[NewTier(name="Peserta", price=385_000, quota=12, max_per_order=12, description="Termasuk bahan.")],
    )
    guests = NewPromo(code="TAMUSTUDIO", percent=100, waives_fee=True, max_uses=1)
    return DemoEvent(
        new, motifs.rings, ("#e8d5b7", "#b5651d", "#7a3b1d", "#c98b5a", "#3e5c50"), promos=(guests,), taken="sold"
    )


def listening_room() -> DemoEvent:
    """Every seat is held, and none is paid."""
    start = ahead(25, 20)
    new = NewEvent(
        title="Ruang Dengar: Sesi Malam",
        description="Dua puluh kursi, satu gitar, tanpa pengeras suara. Ponsel dititipkan di pintu.",
        category="musik",
        location="Surabaya",
        venue="Rumah Dengar, Peneleh",
        start_date=start,
        end_date=start + timedelta(hours=2),
        capacity=20,
        terms=ONE_PERSON,
        tiers=[NewTier(name="Kursi", price=175_000, quota=20, max_per_order=20, description="Bebas memilih tempat.")],
    )
    return DemoEvent(new, motifs.halftone, ("#6a0572", "#2d0a4e", "#ff5da2"), taken="held")


def films() -> DemoEvent:
    """Sells codes that are shown to their buyer."""
    start = ahead(35, 9)
    new = NewEvent(
        title="Sepekan Film Pendek",
        description=(
            "Tiga puluh film pendek dari Sabang sampai Merauke, ditonton dari rumah. Satu kode membuka satu paket, "
            "berlaku selama sepekan."
        ),
        category="film",
        location="Daring",
        start_date=start,
        end_date=start + timedelta(days=7),
        capacity=200,
        terms="Satu kode untuk satu perangkat. Kode yang sudah dibuka tidak dapat dikembalikan.",
        tiers=[
            NewTier(name="Paket sepuluh film", kind="digital", price=45_000, quota=100, description="Pilihan juri."),
            NewTier(name="Paket lengkap", kind="digital", price=95_000, quota=50, description="Ketiga puluh film."),
        ],
    )
    codes = tuple((tier.name, tuple(f"FILM-{tier.price}-{7919 * n:06d}" for n in range(1, 41))) for tier in new.tiers)
    return DemoEvent(new, motifs.reels, ("#14213d", "#03071e", "#fca311"), units=codes)


def comedy() -> DemoEvent:
    """Its sale has ended."""
    start = ahead(22, 19.5)
    begin, end = ahead(-40, 10), ahead(-1, 21)
    new = NewEvent(
        title="Tawa Tanpa Jeda",
        description="Enam komika, sembilan puluh menit, satu mikrofon. Untuk penonton 18 tahun ke atas.",
        category="komedi",
        location="Surabaya",
        venue="Balai Pemuda",
        start_date=start,
        end_date=start + timedelta(hours=2),
        capacity=700,
        terms=ONE_PERSON,
        tiers=[
            NewTier(name="Tribun", price=120_000, quota=500, sale_start=begin, sale_end=end),
            NewTier(name="Depan", price=200_000, quota=200, sale_start=begin, sale_end=end),
        ],
    )
    return DemoEvent(new, motifs.lights, ("#150b2e", "#040209", "#ff4d6d", "#ffd60a", "#4cc9f0"))


def coffee() -> DemoEvent:
    """Cheap, with one purchase a person."""
    start = ahead(33, 8, weekday=SATURDAY)
    new = NewEvent(
        title="Seduh Pagi: Mencicip Kopi Sumatra",
        description="Gayo, Lintong, Sidikalang: tujuh cangkir, satu meja, dan cerita petaninya.",
        category="kelas",
        location="Medan",
        venue="Gudang Kopi Kesawan",
        start_date=start,
        end_date=start + timedelta(hours=2),
        capacity=60,
        terms="Datang lima belas menit lebih awal.",
        one_purchase_per_person=True,
        tiers=[NewTier(name="Cicip", price=60_000, quota=60, max_per_order=2)],
    )
    return DemoEvent(new, motifs.rings, ("#3b2314", "#c98b5a", "#7a4a2b", "#e8d5b7", "#a3b18a"))


def conference() -> DemoEvent:
    """An event for millions, early bird, and with a discount for groups."""
    start = ahead(60, 9)
    early = ahead(25, 23.5)
    new = NewEvent(
        title="Temu Produk Digital Nusantara",
        description=(
            "Dua hari tentang membuat produk yang dipakai dari Aceh sampai Papua: sinyal lemah, ponsel lama, dan "
            "pembayaran yang tidak boleh gagal. Empat puluh pembicara, tiga panggung, dua belas lokakarya."
        ),
        category="konferensi",
        location="Jakarta",
        venue="Balai Sidang Senayan",
        start_date=start,
        end_date=start + timedelta(days=1, hours=8),
        capacity=2_500,
        terms=f"{ONE_PERSON} Faktur pajak dikirim lewat e-mail.",
        tiers=[
            NewTier(
                name="Dua hari",
                price=2_750_000,
                early_bird_price=1_950_000,
                early_bird_end=early,
                quota=1_500,
                max_per_order=10,
            ),
            NewTier(name="Dua hari + lokakarya", price=4_250_000, quota=300, description="Satu lokakarya pilihan."),
            NewTier(name="Pelajar", price=350_000, quota=400, requires_identity=True, max_per_order=1),
        ],
    )
    code = NewPromo(code="BEREMPAT", percent=15, minimum_spend=7_500_000, max_uses=100)
    return DemoEvent(new, motifs.horizon, ("#1b0c3f", "#e94f8a", "#12072e", "#39d0ff"), promos=(code,))


def exhibition() -> DemoEvent:
    """Goes on for weeks."""
    start = ahead(45, 10, BALI)
    new = NewEvent(
        title="Nusa Cahaya: Pameran Imersif",
        description="Seribu pulau dalam dua belas ruang cahaya. Waktu kunjungan sekitar sembilan puluh menit.",
        category="pameran",
        location="Makassar",
        venue="Benteng Rotterdam",
        start_date=start,
        end_date=start + timedelta(days=28, hours=11),
        timezone=BALI,
        capacity=9_000,
        terms="Tanpa lampu kilat. Tiket berlaku satu kali masuk pada hari yang dipilih di pintu.",
        tiers=[
            NewTier(name="Hari biasa", price=75_000, quota=5_000),
            NewTier(name="Akhir pekan", price=110_000, quota=3_000),
            NewTier(name="Pelajar", price=40_000, quota=1_000, description="Tunjukkan kartu pelajar."),
        ],
    )
    return DemoEvent(new, motifs.halftone, ("#03045e", "#001233", "#48cae4"))


def papua() -> DemoEvent:
    """Not on sale yet; in Papua's zone."""
    start = ahead(75, 18, PAPUA, weekday=SATURDAY)
    opening = ahead(12, 10, PAPUA)
    new = NewEvent(
        title="Malam Budaya Papua",
        description="Tari, ukulele, dan tifa dari tujuh wilayah adat, di tepi Teluk Humboldt.",
        category="budaya",
        location="Jayapura",
        venue="Lapangan Tepi Teluk",
        start_date=start,
        end_date=start + timedelta(hours=5),
        timezone=PAPUA,
        capacity=4_000,
        terms=ONE_PERSON,
        tiers=[
            NewTier(name="Umum", price=50_000, quota=3_500, sale_start=opening),
            NewTier(name="Tribun", price=150_000, quota=500, sale_start=opening),
        ],
    )
    return DemoEvent(new, motifs.rays, ("#b3001b", "#e63946", "#ffd166", "#ffffff", "#06d6a0"))


def old_town() -> DemoEvent:
    """A draft, which its organizer alone sees."""
    start = ahead(120, 20)
    new = NewEvent(
        title="Konser Kota Lama",
        description="Masih disusun.",
        category="musik",
        location="Semarang",
        venue="Taman Srigunting",
        start_date=start,
        end_date=start + timedelta(hours=5),
        capacity=5_000,
        tiers=[NewTier(name="Festival", price=250_000, quota=5_000)],
    )
    return DemoEvent(new, motifs.rays, ("#10002b", "#3c096c", "#ffd60a", "#ffffff", "#ff5da2"), status="draft")


def first_rain() -> DemoEvent:
    """Past."""
    start = ahead(-21, 19)
    new = NewEvent(
        title="Orkes Hujan Pertama",
        description="Orkes keroncong dan cerita musim hujan. Terima kasih sudah datang.",
        category="musik",
        location="Semarang",
        venue="Taman Budaya Raden Saleh",
        start_date=start,
        end_date=start + timedelta(hours=3),
        capacity=400,
        tiers=[NewTier(name="Umum", price=90_000, quota=400)],
    )
    return DemoEvent(new, motifs.sea, ("#22333b", "#7d8ca3", "#0a0908"))


def kites() -> DemoEvent:
    """Cancelled."""
    start = ahead(28, 9, BALI, weekday=SUNDAY)
    new = NewEvent(
        title="Festival Layang-Layang Sanur",
        description="Layang-layang raksasa dari dua puluh banjar.",
        category="festival",
        location="Bali",
        venue="Pantai Padang Galak, Denpasar",
        start_date=start,
        end_date=start + timedelta(hours=9),
        timezone=BALI,
        capacity=3_000,
        tiers=[NewTier(name="Tribun", price=65_000, quota=3_000)],
    )
    return DemoEvent(new, motifs.tiles, ("#caf0f8", "#00b4d8", "#0077b6", "#ffb703", "#fb8500", "#ffffff"), "cancelled")
