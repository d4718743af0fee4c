"""The scikit-learn runs, and the result.json of every run. Only this folder loads heavy libraries."""
