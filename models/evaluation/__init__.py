"""Figures of scores against outcomes. Pure: arrays in, frozen values out."""
