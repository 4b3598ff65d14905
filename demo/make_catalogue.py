"""Write the demo catalogue: catalogue.json and pictures.json.

    python make_catalogue.py OUTPUT

catalogue.json is an array of records in the shape of the items of
GET /catalog/v1/items at api.nb.no. pictures.json maps each record's URN to its file.
The URNs (all with DEMO in them), ids, times and access rules are made up, so that every kind
of access is there; the licences that the pictures really have are in LICENCES.md.
The last two records have no picture here: one has a URN and thumbnails as the others have, but
no file stands behind them; one is not digitised and has neither URN nor thumbnails.
"""

import argparse
import json
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path

# name: title, then what is known of the picture
WORKS = {
    "astronaut_portrait": ("Portrait of the astronaut Eileen Collins", {
        "creators": ["NASA"], "names": ["Collins, Eileen"], "topics": ["Astronauts", "Space suits", "Portraits"]}),
    "bull_moose": ("Bull moose resting = Hvilende elgokse på engen", {
        "creators": ["Hagerty, Ryan"], "issued": "[20--]", "topics": ["Moose", "Mammals"]}),
    "camera_operator": ("Man with a camera on a tripod", {
        "creators": ["Varshney, Lav"], "license": "cc0", "topics": ["Photographers", "Cameras"], "tone": "black and white"}),
    "cat_face": ("The cat Chelsea = Nærbilde av katten Chelsea", {
        "creators": ["Van der Walt, Stefan"], "license": "cc0", "issued": "[20--]", "topics": ["Cats"]}),
    "coffee_cup": ("Coffee cup on a saucer = Kaffekopp på skål", {
        "creators": ["Michetti, Rachel"], "license": "cc0", "issued": "[20--]"}),
    "dahlia_flower": ("Dahlia in bloom = Georgine i blomst", {
        "creators": ["vultilion"], "license": "ccby", "issued": "[2011]", "topics": ["Dahlias", "Flowers"]}),
    "deep_field_galaxies": ("Hubble eXtreme Deep Field", {
        "creators": ["NASA"], "issued": "20120925", "topics": ["Galaxies", "Astronomy"]}),
    "dr_nikola_frontispiece": ("Dr. Nikola, frontispiece of A bid for fortune", {
        "creators": ["Wood, Stanley L."], "created": "1895", "issued": "1918", "publisher": "Ward, Lock & Co.",
        "topics": ["Book illustrations", "Cats"], "language": "eng", "kind": "illustration", "tone": "black and white"}),
    "foggy_mountains": ("Fog between wooded mountains = Tåke mellom skogkledde fjell", {
        "issued": "[20--]", "topics": ["Mountains", "Fog"], "tone": "black and white"}),
    "greek_coins": ("Greek coins from Pompeii", {
        "place": {"place": "Pompeii"}, "topics": ["Coins", "Numismatics"], "tone": "black and white"}),
    "horse_silhouette": ("Horse in silhouette", {
        "creators": ["Preuss, Andreas"], "license": "cc0", "issued": "[20--]", "kind": "drawing", "tone": "black and white"}),
    "retina_left_eye": ("Retina of a healthy left eye = Netthinnen i et friskt øye", {
        "creators": ["Häggström, Mikael"], "license": "cc0", "issued": "[2014]", "topics": ["Eye", "Medical photography"]}),
    "rocket_launch_pad": ("Rocket on the launch pad", {
        "creators": ["SpaceX"], "issued": "2015", "place": {"place": "Cape Canaveral"}, "topics": ["Rockets", "Spaceflight"]}),
    "ship_railing": ("Man and woman at the railing of a ship = Mann og kvinne ved rekka på et skip", {
        "issued": "1918", "publisher": "Ward, Lock & Co.", "topics": ["Book illustrations", "Ships"],
        "language": "eng", "kind": "illustration", "tone": "black and white"}),
    "summer_palace": ("Tower at the Summer Palace, Beijing = Tårn ved innsjøen, Sommerpalasset i Beijing", {
        "creators": ["danielbuechele"], "license": "ccby", "issued": "[2011]",
        "place": {"city": "Beijing", "place": "Summer Palace"}, "topics": ["Palaces", "Architecture"]}),
    "tesla_laboratory": ("Nikola Tesla in his laboratory in Colorado Springs", {
        "creators": ["Alley, Dickenson V."], "issued": "1899", "names": ["Tesla, Nikola"],
        "place": {"city": "Colorado Springs"}, "topics": ["Laboratories", "Electricity"], "tone": "black and white"}),
    "tesla_lamp": ("Nikola Tesla with a glowing lamp", {
        "names": ["Tesla, Nikola"], "topics": ["Electricity", "Portraits"], "tone": "black and white"}),
    "wardenclyffe_tower": ("Wardenclyffe Tower = Wardenclyffe-tårnet", {
        "issued": "[1904]", "names": ["Tesla, Nikola"], "place": {"place": "Wardenclyffe"},
        "topics": ["Towers", "Radio"], "tone": "black and white"}),
}
VARIANTS = {"": "", "_detail": " : detail", "_scan": " : scan of a print"}

CONTENT_CLASS = {"EVERYWHERE": "public", "NORWAY": "bokhylla", "LIBRARY": "avisibibliotek", "NB": "restricted"}
ACCESS = {  # the others are open everywhere
    "NORWAY": {"foggy_mountains", "foggy_mountains_detail", "foggy_mountains_scan", "cat_face_scan", "greek_coins_detail"},
    "LIBRARY": {"astronaut_portrait_scan", "coffee_cup_detail", "ship_railing_scan", "retina_left_eye_detail"},
    "NB": {"camera_operator_scan", "tesla_lamp_scan", "horse_silhouette_detail"},
}
LICENSE = {"NORWAY": "bokhylla", "LIBRARY": "copyrighted", "NB": "copyrighted"}

API = "https://api.nb.no:443/catalog/v1"
RESOLVER = "https://www.nb.no/services/image/resolver"


def time(moment):
    return moment.isoformat(timespec="milliseconds") + "Z"


def links(id_, urn):
    addresses = {"self": f"{API}/items/{id_}", "mods": f"{API}/metadata/{id_}/mods", "ris": f"{API}/reference/{id_}/ris"}
    if urn:
        addresses["presentation"] = f"{API}/iiif/{id_}/manifest"
        for name, width in (("small", 64), ("medium", 128), ("large", 256)):
            addresses[f"thumbnail_{name}"] = f"{RESOLVER}/{urn}/full/{width},0/0/native.jpg"
        addresses["thumbnail_custom"] = f"{RESOLVER}/{urn}/full/{{width}},{{height}}/0/native.jpg"
    result = {name: {"href": address} for name, address in addresses.items()}
    if urn:
        result["thumbnail_custom"]["templated"] = True
    return result


def record(number, name, title, work, digital=True):
    # The steps between the records are such that no two have the same day.
    day = datetime(2021, 1, 5, 6, 30) + timedelta(days=number * 547 % 1400, seconds=number * 1999.037)
    urn = f"URN:NBN:no-nb_digifoto_{day:%Y%m%d}_{number + 1:05d}_DEMO_{name.upper()}" if digital else None
    id_ = md5((urn or name).encode()).hexdigest()
    access = next((key for key, names in ACCESS.items() if name in names), "EVERYWHERE") if digital else "NB"
    license_ = LICENSE.get(access) or work.get("license", "publicdomain")

    identifiers = {"sesamId": id_, "oaiId": f"oai:demo.example:{number + 1:05d}"}
    origin = {key: work[key] for key in ("issued", "created", "publisher") if key in work}
    origin |= {"firstIndexTime": time(day + timedelta(hours=5)), "indexLastModified": time(day + timedelta(days=90))}
    if digital:
        identifiers = {"urn": urn} | identifiers
        origin["firstDigitalContentTime"] = time(day)
    metadata = {"title": title, "identifiers": identifiers, "originInfo": origin, "mediaTypes": ["bilder"]}
    if "creators" in work:
        metadata["creators"] = work["creators"]
    if "topics" in work:
        metadata["subject"] = {"topics": work["topics"]}
    if "names" in work:
        metadata["subjectName"] = work["names"]
    if "place" in work:
        metadata["geographic"] = work["place"]
    if "language" in work:
        metadata["languages"] = [{"code": work["language"]}]
    metadata["contentClasses"] = [CONTENT_CLASS[access], "jp2"] if digital else []
    if digital:
        metadata["pageCount"] = 1
    metadata["physicalDescription"] = {"extent": f"1 {work.get('kind', 'photograph')}, {work.get('tone', 'colour')}"}
    return {
        "id": id_,
        "accessInfo": {
            "accessAllowedFrom": access,
            "viewability": "ALL" if access == "EVERYWHERE" else "NONE",
            "isDigital": digital,
            "isPublicDomain": license_ == "publicdomain",
            "license": license_,
        },
        "metadata": metadata,
        "_links": links(id_, urn),
    }


def main():
    parser = argparse.ArgumentParser(description="Write catalogue.json and pictures.json.")
    parser.add_argument("output", type=Path, help="folder for the two files")
    output = parser.parse_args().output
    catalogue, pictures = [], {}
    for name, (title, work) in WORKS.items():
        for suffix, addition in VARIANTS.items():
            item = record(len(catalogue), name + suffix, title + addition, work)
            catalogue.append(item)
            pictures[item["metadata"]["identifiers"]["urn"]] = f"{name}{suffix}.jpg"
    catalogue.append(record(len(catalogue), "fjord_steamer", "Steamer in a fjord = Dampskip på fjorden",
                            {"topics": ["Steamships", "Fjords"], "kind": "postcard", "tone": "black and white"}, digital=False))
    for name, data in (("catalogue.json", catalogue), ("pictures.json", pictures)):
        (output / name).write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
