"""From recordings to scores, and where leaks are stopped."""
from .svg import Drawing

STAGES = [
    ("Recordings", "samples of each trial, with people, trials, stimuli",
     "A person or trial under two names is refused:", "the samples themselves are compared"),
    ("Windows", "frames of 1 s, cut into windows of 4 s",
     "Windows of one trial stay together; windows", "that share samples are counted"),
    ("Labels", "low or high valence ...; one label for each trial",
     "A class or test case that would be lost", "stops the program"),
    ("Split", "training, validation and test part of each fold",
     "Whole trials, people or stimuli go to one side;", "an audit checks groups and samples"),
    ("Standardization", "mean 0 and standard deviation 1 for each feature",
     "Fitted on the training part of each fold alone", ""),
    ("Network", "trained on the training part, stopped by validation",
     "The epoch is chosen by the validation part,", "which was cut from the training part by group"),
    ("Scores", "by trial and by subject, with intervals and a verdict",
     "Compared with baselines that see no signal;", "looks at the test are counted"),
]
ROW, LEFT, RIGHT, HEIGHT = 82, 24, 440, 54


def draw():
    width, height = 820, 70 + ROW * len(STAGES)
    d = Drawing(width, height, "From recordings to scores, and where leaks are stopped")
    d.text(LEFT, 30, "The path of the data", "title")
    d.text(RIGHT + 22, 30, "What stops a leak there", "title red")
    for i, (name, contents, *stop) in enumerate(STAGES):
        y = 50 + i * ROW
        d.box(LEFT, y, 380, HEIGHT, "mark")
        d.text(LEFT + 16, y + 23, name, "strong")
        d.text(LEFT + 16, y + 42, contents, "quiet small")
        if i + 1 < len(STAGES):
            d.arrow(LEFT + 190, y + HEIGHT, LEFT + 190, y + ROW)
        d.path(f"M{LEFT + 380} {y + HEIGHT / 2}H{RIGHT}")
        d.path(f"M{RIGHT} {y + 4}V{y + HEIGHT - 4}", "peak")
        stop = [line for line in stop if line]
        d.lines(RIGHT + 22, y + HEIGHT / 2 + 5 - 9 * (len(stop) - 1), stop)
    return d.end()
