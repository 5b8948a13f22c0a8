"""What apps speak: one file for each wire protocol, all behind `relayd.session.dialect`."""
