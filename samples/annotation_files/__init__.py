"""Write annotations as VoTT, SuperAnnotate and LabelMe would have written them."""
