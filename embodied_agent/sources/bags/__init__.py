"""Recordings: rosbag2 (MCAP, SQLite), other MCAP files, ROS 1 bags."""
