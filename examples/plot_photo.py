"""
Faces in a photo
================

Find the faces in a photo, cut them out as FER2013's are, and predict all of them in one call.
"""

# %%
# A photo
# -------
# This one is drawn: seven people in a row. `ferkit.deploy.read_photo` reads a file instead, and
# turns it upright.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from ferkit import EMOTIONS, MobileNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import FaceDetector, crop_faces, predict_photo
from ferkit.inspection import FaceGridDisplay

faces, _ = make_faces(7, image_size=96, random_state=0, return_X_y=True)
photo = np.full((200, 800), 90, dtype=np.uint8)
for i, face in enumerate(faces):
    photo[50:146, 20 + 110 * i : 116 + 110 * i] = face

# %%
# Faces
# -----
# A row for each face that was found: its box in pixels, the label, and the probabilities. The
# detector is OpenCV's cascade, which is made for photographed faces seen from the front; it can
# miss some, here and in photos.

clf = MobileNetFER.from_pretrained("fer2013")
found = predict_photo(clf, photo)
found.round(2)

# %%
fig, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
ax.imshow(photo, cmap="gray", vmin=0, vmax=255)
ax.axis("off")
for face in found.itertuples():
    ax.add_patch(Rectangle((face.x, face.y), face.width, face.height, fill=False, color="tab:red"))
    ax.text(face.x, face.y - 6, f"{face.label} {face.probability:.2f}", color="white", fontsize=8)
plt.show()

# %%
# Step by step
# ------------
# The same in parts: any boxes will do, from another detector or by hand.

boxes = FaceDetector().detect(photo)
crops = crop_faces(photo, boxes)
# by what the network says
FaceGridDisplay.from_images(crops, clf.predict(crops), target_names=EMOTIONS)
plt.show()
