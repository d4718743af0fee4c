"""The scikit-learn runs, and the result.json that every run leaves. Heavy libraries load here alone."""
