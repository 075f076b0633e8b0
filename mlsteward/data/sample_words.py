"""What the columns of the samples mean."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A table in a sentence, and its columns in order."""

    table: str
    columns: dict[str, str]


@dataclass(frozen=True)
class SklearnSample:
    """Files of scikit-learn's data folder that stand side by side; `classes` name the codes of the last column."""

    files: tuple[str, ...]
    words: Words
    delimiter: str = ","
    skip: int = 0
    classes: tuple[str, ...] = ()


_CELL_MEASURES = {
    "radius": "Mean distance from the nucleus' centre to its edge",
    "texture": "Standard deviation of grey values",
    "perimeter": "Length of the nucleus' edge",
    "area": "Area of the nucleus",
    "smoothness": "Local variation of the radius",
    "compactness": "perimeter² / area − 1",
    "concavity": "How deep the concave parts of the edge are",
    "concave_points": "Number of concave parts of the edge",
    "symmetry": "Symmetry of the nucleus",
    "fractal_dimension": "How rough the edge is (coastline approximation − 1)",
}
_CELL_STATISTICS = {"mean": "mean over the nuclei", "error": "standard error", "worst": "mean of the three largest"}

SKLEARN = {
    "iris": SklearnSample(
        ("iris.csv",),
        Words(
            "150 iris flowers of three species with four measurements each (Fisher, 1936).",
            {
                "sepal_length": "Length of the sepal in cm.",
                "sepal_width": "Width of the sepal in cm.",
                "petal_length": "Length of the petal in cm.",
                "petal_width": "Width of the petal in cm.",
                "species": "Species of the flower.",
            },
        ),
        skip=1,
        classes=("setosa", "versicolor", "virginica"),
    ),
    "wine": SklearnSample(
        ("wine_data.csv",),
        Words(
            "178 wines from three growers of one Italian region, with a chemical analysis.",
            {
                "alcohol": "Alcohol content in percent by volume.",
                "malic_acid": "Malic acid.",
                "ash": "Ash.",
                "alcalinity_of_ash": "Alkalinity of the ash.",
                "magnesium": "Magnesium.",
                "total_phenols": "Phenols in total.",
                "flavanoids": "Flavonoid phenols.",
                "nonflavanoid_phenols": "Phenols other than flavonoids.",
                "proanthocyanins": "Proanthocyanidins.",
                "color_intensity": "Intensity of the colour.",
                "hue": "Hue of the colour.",
                "od280_od315": "Absorbance at 280 nm over that at 315 nm, of the diluted wine.",
                "proline": "Proline.",
                "cultivar": "Which of the three growers it comes from.",
            },
        ),
        skip=1,
        classes=("class_0", "class_1", "class_2"),
    ),
    "breast_cancer": SklearnSample(
        ("breast_cancer.csv",),
        Words(
            "569 breast tumours, described by cell nuclei in images of fine needle aspirates (Wisconsin, 1995).",
            {
                **{
                    f"{statistic}_{measure}" if statistic != "error" else f"{measure}_error": f"{words}: {meaning}."
                    for statistic, meaning in _CELL_STATISTICS.items()
                    for measure, words in _CELL_MEASURES.items()
                },
                "diagnosis": "What the tumour proved to be.",
            },
        ),
        skip=1,
        classes=("malignant", "benign"),
    ),
    "diabetes": SklearnSample(
        ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
        Words(
            "442 diabetes patients: ten values at the start, and the disease's progress a year later.",
            {
                "age": "Age in years.",
                "sex": "Sex, as the code 1 or 2.",
                "bmi": "Body mass index in kg/m².",
                "bp": "Mean blood pressure in mmHg.",
                "s1": "Total serum cholesterol.",
                "s2": "Low-density lipoproteins.",
                "s3": "High-density lipoproteins.",
                "s4": "Total cholesterol over high-density lipoproteins.",
                "s5": "Logarithm of serum triglycerides, probably.",
                "s6": "Blood sugar level.",
                "progression": "Progress of the disease one year after the start, as a score.",
            },
        ),
        delimiter=" ",
    ),
    "digits": SklearnSample(
        ("digits.csv.gz",),
        Words(
            "1,797 handwritten digits as images of 8 × 8 pixels.",
            {
                **{
                    f"pixel_{row}_{column}": f"Ink in row {row}, column {column}, from 0 to 16."
                    for row in range(8)
                    for column in range(8)
                },
                "digit": "The digit that was written.",
            },
        ),
        classes=tuple("0123456789"),
    ),
    "linnerud": SklearnSample(
        ("linnerud_exercise.csv", "linnerud_physiological.csv"),
        Words(
            "20 middle-aged men: three exercises and three body measures.",
            {
                "chins": "Chin-ups.",
                "situps": "Sit-ups.",
                "jumps": "Jumps.",
                "weight": "Weight in pounds.",
                "waist": "Waist in inches.",
                "pulse": "Pulse in beats per minute.",
            },
        ),
        delimiter=" ",
        skip=1,
    ),
}

_DATE = {
    "year": "Year of the scheduled departure.",
    "month": "Month of the scheduled departure.",
    "day": "Day of the month of the scheduled departure.",
}

FLIGHTS = {
    "flights": Words(
        "Every flight that was to leave the three airports of New York City in 2013.",
        {
            **_DATE,
            "dep_time": "Actual departure, local time as HHMM; missing when the flight was cancelled.",
            "sched_dep_time": "Scheduled departure, local time as HHMM.",
            "dep_delay": "Minutes that the departure was late; negative when early.",
            "arr_time": "Actual arrival, local time at the destination as HHMM.",
            "sched_arr_time": "Scheduled arrival, local time at the destination as HHMM.",
            "arr_delay": "Minutes that the arrival was late; negative when early. Known only after landing.",
            "carrier": "The airline's two-character code; see airlines.",
            "flight": "Flight number.",
            "tailnum": "Registration of the aircraft; see planes.",
            "origin": "Airport of departure (FAA code): EWR, JFK or LGA.",
            "dest": "Airport of destination (FAA code); see airports.",
            "air_time": "Minutes in the air. Known only after landing.",
            "distance": "Distance between the airports in miles.",
            "hour": "Hour of the scheduled departure.",
            "minute": "Minute of the scheduled departure.",
            "time_hour": "Scheduled departure to the full hour, in UTC; joins with weather.",
        },
    ),
    "weather": Words(
        "Hourly weather at the three airports of New York City in 2013.",
        {
            "origin": "Airport of the weather station (FAA code).",
            "year": "Year of the recording.",
            "month": "Month of the recording.",
            "day": "Day of the month of the recording.",
            "hour": "Hour of the recording.",
            "temp": "Temperature in °F.",
            "dewp": "Dew point in °F.",
            "humid": "Relative humidity in percent.",
            "wind_dir": "Direction that the wind comes from, in degrees.",
            "wind_speed": "Wind speed in mph.",
            "wind_gust": "Speed of gusts in mph; missing when there were none to speak of.",
            "precip": "Precipitation in inches.",
            "pressure": "Air pressure at sea level in millibars.",
            "visib": "Visibility in miles.",
            "time_hour": "Hour of the recording, in UTC.",
        },
    ),
    "planes": Words(
        "Aircraft that flew in 2013 and stand in the register of the FAA.",
        {
            "tailnum": "Registration of the aircraft.",
            "year": "Year in which it was made.",
            "type": "Kind of aircraft.",
            "manufacturer": "Who made it.",
            "model": "Model of the aircraft.",
            "engines": "Number of engines.",
            "seats": "Number of seats.",
            "speed": "Average cruising speed in mph; hardly ever known.",
            "engine": "Kind of engine.",
        },
    ),
    "airports": Words(
        "Airports of the United States.",
        {
            "faa": "FAA code of the airport.",
            "name": "Name of the airport.",
            "lat": "Latitude in degrees.",
            "lon": "Longitude in degrees.",
            "alt": "Altitude in feet.",
            "tz": "Hours from UTC in winter.",
            "dst": "Daylight saving: A as in the US, U unknown, N none.",
            "tzone": "IANA time zone.",
        },
    ),
    "airlines": Words(
        "Airlines and their codes.",
        {"carrier": "Two-character code of the airline.", "name": "Name of the airline."},
    ),
}
