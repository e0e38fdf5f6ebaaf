"""Words for things and colours that no simulated world shows.

They name absent things in questions, and what a world's kinds and colours are renamed into so that
a reasoner learns to read names instead of knowing them. `HELD_OUT_NOUNS` are used for evaluation
only.

Out of scope: the simulated vocabulary (`sim_clips.scene`), synonyms and plurals (`words`).
"""

from __future__ import annotations

#: Things of homes, streets, workshops and further afield, in the singular.
NOUNS: tuple[str, ...] = (
    "accordion", "air conditioner", "anchor", "anvil", "apron", "armchair", "backpack", "ball",
    "balloon",
    "banner", "basin", "basket", "bathtub", "bench", "bicycle", "birdcage", "blackboard", "blanket",
    "blender", "boat", "bollard", "bottle", "bowl", "box", "broom", "brush", "bucket",
    "bus", "cymbal", "candle", "canoe", "cart", "cash register", "cat", "chair", "chandelier",
    "chest", "coat rack", "coffee machine", "cone", "conveyor", "cooker", "cot", "crate", "cup",
    "cupboard", "curtain", "cushion", "desk", "dishwasher", "dog", "doll", "dresser",
    "drill", "drum kit", "duck", "dumbbell", "easel", "elephant", "excavator", "fan",
    "filing cabinet",
    "fire extinguisher", "fireplace", "flag", "flowerpot", "football", "forklift", "fridge",
    "generator", "globe", "goat", "guitar", "hammer", "hammock", "handbag", "harp", "hat stand",
    "heater", "helmet", "horse", "hydrant", "ironing board", "jar", "jug", "kayak", "kettle",
    "keyboard", "kite", "ladder", "lantern", "laptop", "lawnmower", "letterbox", "lion", "locker",
    "loudspeaker", "mailbox", "mannequin", "mattress", "microscope", "microwave", "mirror",
    "mop", "motorcycle", "mug", "notice board", "oven", "painting", "pallet", "parking meter",
    "penguin", "phone", "photocopier", "piano", "picnic table", "pillar", "pillow", "pipe",
    "playpen", "printer", "projector", "pump", "radiator", "radio", "rocking horse", "rug",
    "saxophone", "scarecrow", "scooter", "sewing machine", "shovel", "shopping cart",
    "shower", "sink", "skateboard", "sleigh", "snowman", "statue", "stepladder", "stool", "stove",
    "suitcase", "surfboard", "swing", "teapot", "teddy bear", "telescope", "tent", "television",
    "toaster", "toilet", "toolbox", "tractor", "traffic light", "train", "trash can", "treadmill",
    "tricycle", "tripod", "trolley", "truck", "trumpet", "typewriter", "umbrella", "vacuum cleaner",
    "vase", "vending machine", "violin", "wardrobe", "washing machine", "wheelbarrow",
    "wheelchair", "windmill", "workbench", "xylophone",
)  # fmt: skip

#: Never in a row that anything is trained on.
HELD_OUT_NOUNS: tuple[str, ...] = (
    "aquarium", "bookstand", "cello", "crib", "deckchair", "giraffe", "gramophone", "hairdryer",
    "jukebox", "lectern", "camel", "ottoman", "pinball machine", "punching bag", "rowing machine",
    "sandbox", "seesaw", "street organ", "unicycle", "water cooler",
)  # fmt: skip

#: Colours that no simulated thing has.
ADJECTIVES: tuple[str, ...] = (
    "amber", "beige", "black", "bronze", "brown", "cream", "crimson", "golden", "grey", "indigo",
    "ivory", "khaki", "lavender", "lime", "magenta", "maroon", "navy", "olive", "salmon", "silver",
    "tan", "teal", "turquoise", "violet", "white",
)  # fmt: skip
#: Never in a row that anything is trained on.
HELD_OUT_ADJECTIVES: tuple[str, ...] = ("burgundy", "copper", "peach", "scarlet")

#: Pairs and groups that people do not tell apart reliably: of one group, none is asked about as
#: absent while another is there.
RELATED: tuple[frozenset[str], ...] = tuple(
    frozenset(group)
    for group in (
        ("sofa", "armchair", "chair", "bench", "stool", "ottoman", "deckchair", "hammock", "swing"),
        ("table", "desk", "workbench", "picnic table", "lectern", "dresser"),
        (
            "bookshelf",
            "cupboard",
            "wardrobe",
            "locker",
            "filing cabinet",
            "dresser",
            "chest",
            "bookstand",
        ),
        ("bed", "cot", "crib", "mattress", "playpen", "hammock"),
        ("lamp", "lantern", "chandelier", "candle", "traffic light"),
        ("plant", "tree", "flowerpot", "vase"),
        ("barrel", "bucket", "trash can", "basket", "crate", "box", "pallet", "jar", "basin"),
        ("door", "curtain"),
        ("building", "tower", "dome", "windmill", "tent"),
        ("tower", "crane", "pillar"),
        ("car", "truck", "bus", "tractor", "forklift", "excavator", "train"),
        ("billboard", "banner", "notice board", "flag", "painting", "blackboard"),
        ("fountain", "basin", "sink", "hydrant", "bathtub", "shower", "pump"),
        ("cooker", "oven", "stove", "microwave", "fireplace", "heater", "radiator"),
        ("bicycle", "motorcycle", "scooter", "tricycle", "unicycle"),
        ("boat", "canoe", "kayak", "surfboard"),
        ("kettle", "teapot", "jug", "cup", "mug", "bowl", "bottle", "jar", "vase"),
        ("ladder", "stepladder"),
        ("cart", "trolley", "shopping cart", "wheelbarrow"),
        ("letterbox", "mailbox"),
        ("chair", "wheelchair", "rocking horse"),
        ("pillow", "cushion", "blanket", "mattress"),
        ("backpack", "suitcase", "handbag"),
        ("violin", "cello", "guitar", "harp"),
        ("radio", "loudspeaker", "gramophone", "jukebox"),
        ("ball", "football", "balloon", "globe"),
        ("horse", "rocking horse", "camel", "goat"),
        ("fan", "air conditioner", "heater", "hairdryer"),
        ("broom", "mop", "brush", "shovel"),
        ("laptop", "typewriter", "keyboard", "television"),
        ("keyboard", "piano"),
        ("statue", "mannequin", "snowman", "scarecrow"),
        ("vending machine", "fridge", "water cooler"),
        ("washing machine", "dishwasher"),
    )
)


def related(one: str, other: str) -> bool:
    """Whether two kinds are the same or hard to tell apart."""
    return one == other or any(one in group and other in group for group in RELATED)
