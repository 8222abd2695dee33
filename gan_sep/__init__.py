"""gan_sep: does adversarial training make music source separation better?

Words, one meaning each:

    mixture      the song as it is heard, the sum of its sources
    source       one stem, by name (drums, bass, ...), and its signal in training
    references   the true sources in evaluation
    estimates    what a generator makes of a mixture, one signal per source
    track        a whole song
    segment      an excerpt, in seconds
    frame        one column of a spectrogram, or one window of a frame-wise metric
    generator    the network that separates: mixture -> estimates
    discriminator  the per-source panel that judges whether a signal is a real source
    arm          plain (reconstruction only) or gan (with discriminators)
    seed         fixes data order, augmentation and initial weights; a pair is one seed's two arms
    paired       material whose stems the reconstruction loss sees; unpaired, where it never does

Axis letters in shape comments:

    B batch   S sources   C channels   T samples   F frequency bins   N frames
"""
