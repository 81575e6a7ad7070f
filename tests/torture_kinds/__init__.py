"""Kinds of trouble: each module has `case(rng, folder)`, which says what it tried and raises `Broken` if it fails"""
