"""What XGBoost, LightGBM and CatBoost print and leave; the argument says which."""

import sys

import numpy as np

rng = np.random.default_rng(0)
x = rng.random((200, 4))
y = (x[:, 0] + rng.random(200) / 10 > 0.5).astype(int)


def xgboost():
    import xgboost

    data = xgboost.DMatrix(x, y)
    given = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"]}
    xgboost.train(given, data, 8, evals=[(data, "train"), (data, "eval")])


def lightgbm():
    import lightgbm

    data = lightgbm.Dataset(x, y)
    given = {"objective": "binary", "metric": ["binary_logloss", "auc"], "min_data_in_leaf": 3}
    said = [lightgbm.log_evaluation(2)]
    lightgbm.train(given, data, 8, valid_sets=[data], valid_names=["valid_1"], callbacks=said)


def catboost():
    import catboost

    catboost.CatBoostClassifier(iterations=8, custom_metric=["Accuracy"]).fit(x, y, eval_set=(x, y))


{"xgboost": xgboost, "lightgbm": lightgbm, "catboost": catboost}[sys.argv[1]]()
